import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { guarded, isMissing, unlessMissing } from './file-steps.js';
import { TIMES_LENGTH, fileNameOf, formatSession, formatTimes, parseSession, parseTimes } from './session-file.js';
import type { FileHandle } from 'node:fs/promises';
import type { SessionRecord, SessionStore } from '@asyncmcp/core';

/** How often a file that does not parse is read before it is called damaged: it may be half overwritten just now. */
const MAX_READS = 5;

/**
 * Sessions in a directory that several processes share, one file for each. Each method is one step on the file system
 * that either happens or does not:
 *
 * - `put` renames a complete file into place;
 * - `delete` renames it out of the way, which only one of several can;
 * - `touch` overwrites the times within the file it opened. A file that was deleted or replaced meanwhile is another
 *   one, so a touch brings nothing back.
 *
 * An expired file stays until its session is put or deleted. Nothing is synced to the disk: it outlives the processes,
 * not a power cut.
 */
export class FileSessionStore implements SessionStore {
  readonly #directory: string;

  /** The directory is made when the first record is put. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  get(id: string): Promise<SessionRecord | undefined> {
    return guarded('ERR_SESSION_STORE', `read session ${id}`, async () => {
      const session = await readConsistent(async () => parseSession(id, await readFile(this.#path(id), 'utf8')));
      return session !== undefined && isLive(session.times) ? session.record : undefined;
    });
  }

  put(record: SessionRecord, ttlMs: number): Promise<void> {
    return guarded('ERR_SESSION_STORE', `write session ${record.id}`, async () => {
      await mkdir(this.#directory, { recursive: true });
      const draft = this.#scratchPath();
      const times = { lastSeenAt: record.lastSeenAt, expiresAt: Date.now() + ttlMs };
      await writeFile(draft, formatSession(record, times), { flag: 'wx' });
      await rename(draft, this.#path(record.id));
    });
  }

  delete(id: string): Promise<boolean> {
    return guarded('ERR_SESSION_STORE', `delete session ${id}`, async () => {
      const condemned = this.#scratchPath();
      if ((await unlessMissing(rename(this.#path(id), condemned).then(() => true))) !== true) return false;
      try {
        const session = await readConsistent(async () => parseSession(id, await readFile(condemned, 'utf8')));
        return session !== undefined && isLive(session.times);
      } finally {
        await rm(condemned, { force: true });
      }
    });
  }

  touch(id: string, lastSeenAt: number, ttlMs: number): Promise<boolean> {
    return guarded('ERR_SESSION_STORE', `touch session ${id}`, async () => {
      const file = await unlessMissing(open(this.#path(id), 'r+'));
      if (file === undefined) return false;
      try {
        const times = await readConsistent(async () => parseTimes(await readTimes(file)));
        if (times === undefined || !isLive(times)) return false;
        await file.write(formatTimes({ lastSeenAt, expiresAt: Date.now() + ttlMs }), 0);
        return true;
      } finally {
        await file.close();
      }
    });
  }

  #path(id: string): string {
    return join(this.#directory, fileNameOf(id));
  }

  #scratchPath(): string {
    return join(this.#directory, `.${randomUUID()}.tmp`);
  }
}

async function readTimes(file: FileHandle): Promise<string> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(TIMES_LENGTH), 0, TIMES_LENGTH, 0);
  return buffer.toString('utf8', 0, bytesRead);
}

function isLive({ expiresAt }: { expiresAt: number }): boolean {
  return expiresAt > Date.now();
}

/** What `read` returns, tried again while it throws; undefined when there is no file. */
async function readConsistent<T>(read: () => Promise<T>): Promise<T | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await read();
    } catch (error) {
      if (isMissing(error)) return undefined;
      if (attempt === MAX_READS) throw error;
      await sleep(attempt);
    }
  }
}
