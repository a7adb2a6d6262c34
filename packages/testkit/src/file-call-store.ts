import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { guarded, unlessMissing, unlessThere } from './file-steps.js';
import type { CallOutcome, CallState, CallStore } from '@asyncmcp/core';

/** What is in the file of a claim that was released. */
const RELEASED = '';

/** A claim as it is on file. */
interface ClaimOnFile {
  readonly path: string;
  readonly claimant: string;
  readonly isLive: boolean;
}

/**
 * Claims and outcomes of calls in a directory that several processes share. A file's time of change is the time at which what it says
 * runs out, which can be set in one step.
 *
 * The claims of a call are numbered, `<id>.1`, `<id>.2` …: a complete file is linked into the place after the last one, which only one of
 * several can. None is ever removed, so that a number stands for one claim for good; one that was released is emptied. An outcome,
 * `<id>.ended`, is renamed into place.
 *
 * Nothing is dropped when it has run out, and nothing is synced to the disk: it outlives the processes, not a power cut.
 */
export class FileCallStore implements CallStore {
  readonly #directory: string;

  /** The directory is made when the first call is claimed. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  claim(id: string, claimant: string, leaseMs: number): Promise<CallState> {
    return safely(`claim call ${id}`, async () => {
      const ended = await this.#ended(id);
      if (ended !== undefined) return ended;
      const draft = await this.#draft(claimant, leaseMs);
      try {
        let times = 1;
        for (let turn = 1; ; turn += 1) {
          const path = this.#path(id, String(turn));
          // It may have ended since we looked.
          if (await isLinked(draft, path)) return (await this.#ended(id)) ?? { state: 'claimed', times };
          const claim = await readClaim(path);
          if (claim?.isLive !== true) {
            if (claim?.claimant !== RELEASED) times += 1;
          } else if (claim.claimant === claimant) {
            await expireIn(path, leaseMs);
            return { state: 'claimed', times };
          } else return { state: 'held' };
        }
      } finally {
        await rm(draft);
      }
    });
  }

  renew(id: string, claimant: string, leaseMs: number): Promise<boolean> {
    return safely(`renew the claim of call ${id}`, async () => {
      const claim = await this.#lastClaim(id);
      if (claim?.isLive !== true || claim.claimant !== claimant) return false;
      if ((await this.#ended(id)) !== undefined) return false;
      await expireIn(claim.path, leaseMs);
      return true;
    });
  }

  release(id: string, claimant: string): Promise<void> {
    return safely(`release call ${id}`, async () => {
      const claim = await this.#lastClaim(id);
      if (claim?.claimant !== claimant) return;
      await writeFile(claim.path, RELEASED);
      await expireIn(claim.path, 0);
    });
  }

  end(id: string, outcome: CallOutcome, ttlMs: number): Promise<void> {
    return safely(`end call ${id}`, async () => {
      const draft = await this.#draft(JSON.stringify(outcome), ttlMs);
      await rename(draft, this.#path(id, 'ended'));
    });
  }

  async #ended(id: string): Promise<CallState | undefined> {
    const path = this.#path(id, 'ended');
    const text = await unlessMissing(readFile(path, 'utf8'));
    if (text === undefined || !(await isLive(path))) return undefined;
    return { state: 'ended', outcome: JSON.parse(text) as CallOutcome };
  }

  async #lastClaim(id: string): Promise<ClaimOnFile | undefined> {
    let last: ClaimOnFile | undefined;
    for (let turn = 1; ; turn += 1) {
      const claim = await readClaim(this.#path(id, String(turn)));
      if (claim === undefined) return last;
      last = claim;
    }
  }

  /** A complete file, to be put into its place. */
  async #draft(text: string, expiresInMs: number): Promise<string> {
    await mkdir(this.#directory, { recursive: true });
    const path = join(this.#directory, `.${randomUUID()}.tmp`);
    await writeFile(path, text, { flag: 'wx' });
    await expireIn(path, expiresInMs);
    return path;
  }

  #path(id: string, part: string): string {
    return join(this.#directory, `${id}.${part}`);
  }
}

async function isLinked(draft: string, path: string): Promise<boolean> {
  return (await unlessThere(link(draft, path).then(() => true))) ?? false;
}

async function readClaim(path: string): Promise<ClaimOnFile | undefined> {
  const claimant = await unlessMissing(readFile(path, 'utf8'));
  if (claimant === undefined) return undefined;
  return { path, claimant, isLive: claimant !== RELEASED && (await isLive(path)) };
}

async function isLive(path: string): Promise<boolean> {
  const { mtimeMs } = await stat(path);
  return mtimeMs > Date.now();
}

async function expireIn(path: string, milliseconds: number): Promise<void> {
  const at = new Date(Date.now() + milliseconds);
  await utimes(path, at, at);
}

function safely<T>(what: string, operation: () => Promise<T>): Promise<T> {
  return guarded('ERR_CALL_STORE', what, operation);
}
