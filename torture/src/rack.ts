import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openCaller } from './callers.js';
import { Crew, KILLED, TOLD_TO_END } from './crew.js';
import { createDice } from './dice.js';
import { Ledger } from './ledger.js';
import { createSchedule } from './schedule.js';
import { summarise } from './summary.js';
import { addCounts } from './system.js';
import type { Caller } from './callers.js';
import type { Summary } from './summary.js';
import type { Faults, System } from './system.js';

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
  /** The command that does it again, with this transport. */
  readonly again: string;
}

/** How long the longest calls run, in milliseconds: beyond the visibility timeout of the queues. */
const LONG_MS = 8000;

/** A schedule is no shorter than this, in milliseconds, so that there is something on it. */
const LEAST_LAP_MS = 10_000;

/** How much more often a fault of single messages happens than an outage; and a kill, which there is not always somebody left for. */
const USUAL_WEIGHT = 4;
const KILL_WEIGHT = 8;

/** Runs one transport on the rack. */
export async function torture(system: System, plan: RackPlan, progress: (text: string) => void): Promise<Summary> {
  const storeDirectory = await mkdtemp(join(tmpdir(), 'asyncmcp-torture-'));
  const ledger = new Ledger();
  const crew = new Crew(system, ledger, { storeDirectory, seed: plan.seed, only: plan.only.source });
  const planned: Record<string, number> = {};
  const over = new AbortController();
  const timers: NodeJS.Timeout[] = [];
  try {
    await Promise.all(Array.from({ length: plan.servers }, () => crew.start()));
    if (crew.problems.length > 0) throw new Error(crew.problems.join('\n'));
    const callers = await Promise.all(
      Array.from({ length: plan.callers }, async (_, index) =>
        openCaller(index, plan.seed, await system.createTransport(index), system.tools, LONG_MS, ledger),
      ),
    );
    const startedAt = performance.now();
    const heapBefore = heapMiB();
    const tormenting = torment(system, crew, plan, planned, over.signal);
    // Calls that are under way then end in peace: with one call left, all faults would meet that one. Nor does it go on without a server.
    const isDone = (): boolean =>
      crew.problems.length > 0 || (performance.now() - startedAt >= plan.durationMs && ledger.size >= plan.minCalls);
    timers.push(
      setInterval(() => isDone() && over.abort(), 50),
      setInterval(() => progress(`${ledger.size} calls`), 5000),
    );
    await Promise.all(
      callers.flatMap((caller) => Array.from({ length: plan.inFlight }, () => callUntil(caller, over.signal))),
    );
    await tormenting;
    const elapsedMs = performance.now() - startedAt;
    // What is still on its way, a second answer, say, has time to come.
    await sleep(system.lateMs);
    await Promise.all(callers.map((caller) => caller.close()));
    const reported = Object.fromEntries(crew.errors);
    const faults = addCounts([system.happened(), crew.happened()]);
    return summarise({
      transport: system.name,
      again: plan.again,
      seed: plan.seed,
      elapsedMs,
      ledger,
      errors: system.errors,
      ends: faults[TOLD_TO_END] ?? 0,
      inFlight: plan.callers * plan.inFlight,
      planned,
      faults,
      copiesOf: (marker) => system.copiesOf(marker),
      copies: system.copies(crew.happened(), reported),
      problems: crew.problems,
      reported,
      memory: { callers: [heapBefore, heapMiB()], server: [crew.memory[0] ?? 0, crew.memory.at(-1) ?? 0] },
    });
  } finally {
    over.abort();
    for (const timer of timers) clearInterval(timer);
    await crew.end();
    await system.close();
    await rm(storeDirectory, { recursive: true, force: true });
  }
}

async function callUntil(caller: Caller, over: AbortSignal): Promise<void> {
  while (!over.aborted) await caller.call();
}

/** Does all that is on the schedule, which goes on from its beginning when it is through. */
async function torment(
  system: System,
  crew: Crew,
  { seed, durationMs, only }: RackPlan,
  planned: Record<string, number>,
  over: AbortSignal,
): Promise<void> {
  const faults: Faults = {
    ...system.faults,
    [KILLED]: (dice) => crew.replaceOne(dice, 'SIGKILL'),
    [TOLD_TO_END]: (dice) => crew.replaceOne(dice, 'SIGTERM'),
  };
  const kinds = Object.keys(faults).filter((kind) => only.test(kind));
  const weightOf = (kind: string) => (kind === KILLED ? KILL_WEIGHT : system.outages.includes(kind) ? 1 : USUAL_WEIGHT);
  const weighted = kinds.flatMap((kind) => Array<string>(weightOf(kind)).fill(kind));
  const lapMs = Math.max(durationMs, LEAST_LAP_MS);
  const running = new Set<Promise<void>>();
  over.addEventListener('abort', () => {
    system.calm();
    crew.calm();
  });
  for (let lap = 0; !over.aborted && kinds.length > 0; lap++) {
    const beganAt = performance.now();
    for (const { atMs, kind, strength } of createSchedule(seed + lap, lapMs, weighted)) {
      const waitMs = Math.max(0, beganAt + atMs - performance.now());
      await sleep(waitMs, undefined, { signal: over }).catch(() => {});
      if (over.aborted) break;
      planned[kind] = (planned[kind] ?? 0) + 1;
      const doing = Promise.resolve(faults[kind]?.(createDice(strength)))
        .catch((error: unknown) => void crew.problems.push(`${kind}: ${String(error)}`))
        .finally(() => running.delete(doing));
      running.add(doing);
    }
  }
  await Promise.all(running);
}

function heapMiB(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 2 ** 20;
}
