import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openCaller } from './callers.js';
import { createDice } from './dice.js';
import { Ledger } from './ledger.js';
import { summarise } from './summary.js';
import { createSchedule } from './schedule.js';
import type { ModuleProcess } from '@asyncmcp/testkit';
import type { Caller } from './callers.js';
import type { Dice } from './dice.js';
import type { Summary } from './summary.js';
import type { System } from './system.js';

export interface RackPlan {
  readonly seed: number;
  /** Calls are made for this long, in milliseconds, and then those that run are waited for. */
  readonly durationMs: number;
  /** At least so many, however long that takes. */
  readonly minCalls: number;
  readonly servers: number;
  readonly callers: number;
  /** Which faults there are; all, unless some are to be looked at by themselves. */
  readonly only: RegExp;
  /** Calls that each caller has under way. */
  readonly inFlight: number;
}

/** How long the longest calls run, in milliseconds: beyond the visibility timeout of the queues. */
const LONG_MS = 8000;

const MEMORY = 'memory';

/** A schedule is no shorter than this, in milliseconds, so that there is something on it. */
const LEAST_LAP_MS = 10_000;

/** How much more often a fault of single messages happens than an outage. */
const USUAL_WEIGHT = 4;

/** Runs one transport on the rack. */
export async function torture(system: System, plan: RackPlan, progress: (text: string) => void): Promise<Summary> {
  const storeDirectory = await mkdtemp(join(tmpdir(), 'asyncmcp-torture-'));
  const ledger = new Ledger();
  const crew = new Crew(system, ledger, storeDirectory, plan.seed);
  const injected = new Map<string, number>();
  const over = new AbortController();
  try {
    await Promise.all(Array.from({ length: plan.servers }, () => crew.start()));
    const callers = await Promise.all(
      Array.from({ length: plan.callers }, async (_, index) =>
        openCaller(index, plan.seed, await system.createTransport(index), system.tools, LONG_MS, ledger),
      ),
    );
    const startedAt = performance.now();
    const tormenting = torment(system, crew, plan, injected, over.signal);
    // Calls that are under way then end in peace: with one call left, all faults would meet that one.
    const isDone = (): boolean => {
      const done = performance.now() - startedAt >= plan.durationMs && ledger.size >= plan.minCalls;
      if (done) over.abort();
      return done;
    };
    const reporting = setInterval(() => progress(`${ledger.size} calls`), 5000);
    const heapBefore = heapMiB();
    await Promise.all(
      callers.flatMap((caller) => Array.from({ length: plan.inFlight }, () => callUntil(caller, isDone))),
    );
    clearInterval(reporting);
    await tormenting;
    const elapsedMs = performance.now() - startedAt;
    // What is still on its way, a second answer, say, has time to come.
    await sleep(2000);
    await Promise.all(callers.map((caller) => caller.close()));
    return summarise({
      system,
      plan,
      ledger,
      injected,
      elapsedMs,
      heapBefore,
      heapAfter: heapMiB(),
      crew,
    });
  } finally {
    over.abort();
    await crew.end();
    await system.close();
    await rm(storeDirectory, { recursive: true, force: true });
  }
}

async function callUntil(caller: Caller, isDone: () => boolean): Promise<void> {
  while (!isDone()) await caller.call();
}

/** Does all that is on the schedule, which goes on from its beginning when it is through. */
async function torment(
  system: System,
  crew: Crew,
  { seed, durationMs, only }: RackPlan,
  injected: Map<string, number>,
  over: AbortSignal,
): Promise<void> {
  const faults: System['faults'] = {
    ...system.faults,
    'server killed': (dice) => crew.replaceOne(dice, 'SIGKILL'),
    'server told to end': (dice) => crew.replaceOne(dice, 'SIGTERM'),
  };
  const kinds = Object.keys(faults).filter((kind) => only.test(kind));
  const weighted = kinds.flatMap((kind) => Array<string>(system.outages.includes(kind) ? 1 : USUAL_WEIGHT).fill(kind));
  const lapMs = Math.max(durationMs, LEAST_LAP_MS);
  const running = new Set<Promise<void>>();
  for (let lap = 0; !over.aborted && kinds.length > 0; lap++) {
    const beganAt = performance.now();
    for (const { atMs, kind, strength } of createSchedule(seed + lap, lapMs, weighted)) {
      const waitMs = Math.max(0, beganAt + atMs - performance.now());
      await sleep(waitMs, undefined, { signal: over }).catch(() => {});
      if (over.aborted) break;
      injected.set(kind, (injected.get(kind) ?? 0) + 1);
      const doing = Promise.resolve(faults[kind]?.(createDice(strength))).finally(() => running.delete(doing));
      running.add(doing);
    }
  }
  await Promise.all(running);
}

/** The servers of a run. The first is never touched, so that its memory can be watched. */
export class Crew {
  readonly errors = new Map<string, number>();
  readonly memory: number[] = [];
  readonly #system: System;
  readonly #ledger: Ledger;
  readonly #storeDirectory: string;
  readonly #seed: number;
  readonly #servers: ModuleProcess[] = [];
  #started = 0;

  constructor(system: System, ledger: Ledger, storeDirectory: string, seed: number) {
    this.#system = system;
    this.#ledger = ledger;
    this.#storeDirectory = storeDirectory;
    this.#seed = seed;
  }

  async start(): Promise<void> {
    const nth = this.#started++;
    const server = await this.#system.startServer({ storeDirectory: this.#storeDirectory, seed: this.#seed + nth });
    this.#servers.push(server);
    void this.#follow(server, nth === 0);
  }

  /** Ends one of the servers, and starts another a little later. */
  async replaceOne(dice: Dice, signal: NodeJS.Signals): Promise<void> {
    if (this.#servers.length < 2) return;
    const [server] = this.#servers.splice(dice.between(1, this.#servers.length - 1), 1);
    if (server === undefined) return;
    if (signal === 'SIGKILL') this.#system.stopped?.(server);
    this.#ledger.killed(server.process.pid ?? -1);
    const exited = server.kill(signal);
    await sleep(dice.between(50, 1000));
    if (signal === 'SIGTERM') this.#system.stopped?.(server);
    await Promise.all([this.start(), exited]);
  }

  async end(): Promise<void> {
    await Promise.all(this.#servers.splice(0).map((server) => server.kill()));
  }

  async #follow(server: ModuleProcess, isWatched: boolean): Promise<void> {
    for (;;) {
      // Until it ends.
      const line = await server.nextLine(() => true, { timeoutMs: 2 ** 31 - 1 }).catch(() => undefined);
      if (line === undefined) return;
      if (line['event'] === 'run') this.#ledger.executed(String(line['marker']), Number(line['pid']));
      if (line['event'] === 'error') count(this.errors, String(line['code']));
      if (line['event'] === MEMORY && isWatched) this.memory.push(Number(line['rss']) / 2 ** 20);
    }
  }
}

export function count(counts: Map<string, number>, what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1);
}

function heapMiB(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 2 ** 20;
}
