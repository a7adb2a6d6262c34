import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Crew, endOf } from './crew.js';
import { createDice } from './dice.js';
import { Ledger } from './ledger.js';
import { createSchedule } from './schedule.js';
import { summarise } from './summary.js';
import { FINISH, addCounts } from './system.js';
import type { JsonLine } from '@asyncmcp/testkit';
import type { Dice } from './dice.js';
import type { Outcome } from './ledger.js';
import type { Summary } from './summary.js';
import type { CallersFault, Faults, System } from './system.js';

export interface RackPlan {
  readonly seed: number;
  /** Calls are made for this long, in milliseconds, and then those that run are waited for. */
  readonly durationMs: number;
  /** At least so many, however long that takes. */
  readonly minCalls: number;
  readonly servers: number;
  /** Processes of callers. */
  readonly clients: number;
  /** Callers in each of them. */
  readonly callers: number;
  /** Which faults there are; all, unless some are to be looked at by themselves. */
  readonly only: RegExp;
  /** Calls that each caller has under way. */
  readonly inFlight: number;
  /** The command that does it again, with this transport. */
  readonly again: string;
}

/** A schedule is no shorter than this, in milliseconds, so that there is something on it. */
const LEAST_LAP_MS = 10_000;

/** How much more often a fault of single messages happens than an outage; and a kill, which there is not always somebody left for. */
const USUAL_WEIGHT = 4;
const KILL_WEIGHT = 8;

/** When all faults are over, calls have ended within this, in milliseconds: a lost one says so after two minutes. */
const ENDED_WITHIN_MS = 180_000;

const [SERVER, CLIENT] = ['server', 'client'];

/** Runs one transport on the rack. */
export async function torture(system: System, plan: RackPlan, progress: (text: string) => void): Promise<Summary> {
  const { seed, only, callers, inFlight } = plan;
  const storeDirectory = await mkdtemp(join(tmpdir(), 'asyncmcp-torture-'));
  const ledger = new Ledger();
  const servers = new Crew({
    name: SERVER,
    start: ({ nth, watched }) => system.startServer({ storeDirectory, only: only.source, seed: seed + nth, watched }),
    ending: (pid) => ledger.killed(pid),
    stopped: (server) => system.serverStopped?.(server),
    gone: (pid) => ledger.gone(pid),
    told: (line) => noteServer(line, ledger),
  });
  const clients = new Crew({
    name: CLIENT,
    start: (recruit) => system.startCallers({ ...recruit, seed: seed * 1000 + recruit.nth, callers, inFlight }),
    stopped: (client) => system.callersStopped?.(client),
    gone: (pid) => ledger.abandoned(pid),
    told(line) {
      noteCaller(line, ledger);
      if (line['event'] === 'finished') finished.add(Number(line['pid']));
    },
  });
  /** Clients that have no call under way, and make no more. */
  const finished = new Set<number | undefined>();
  const problems = (): readonly string[] => [...servers.problems, ...clients.problems];
  const planned: Record<string, number> = {};
  const over = new AbortController();
  const timers: NodeJS.Timeout[] = [];
  try {
    for (const [crew, size] of [
      [servers, plan.servers],
      [clients, plan.clients],
    ] as const) {
      await Promise.all(Array.from({ length: size }, () => crew.start()));
      if (problems().length > 0) throw new Error(problems().join('\n'));
    }
    const startedAt = performance.now();
    const tormenting = torment(system, servers, clients, plan, planned, over.signal);
    // Calls that are under way then end in peace: with one call left, all faults would meet that one. Nor does it go on without a server.
    const isDone = (): boolean =>
      problems().length > 0 || (performance.now() - startedAt >= plan.durationMs && ledger.size >= plan.minCalls);
    timers.push(
      setInterval(() => isDone() && over.abort(), 50),
      setInterval(() => progress(`${ledger.size} calls`), 5000),
    );
    await tormenting;
    await finish(clients, finished);
    const elapsedMs = performance.now() - startedAt;
    // What is still on its way, a second answer, say, has time to come.
    await sleep(system.lateMs);
    const reported = Object.fromEntries(servers.errors);
    const faults = addCounts([system.happened(), servers.happened(), clients.happened()]);
    return summarise({
      transport: system.name,
      again: plan.again,
      seed,
      elapsedMs,
      ledger,
      errors: system.errors,
      ends: faults[endOf(SERVER, 'SIGTERM')] ?? 0,
      inFlight: plan.clients * callers * inFlight,
      planned,
      faults,
      problems: problems(),
      reported,
      memory: { callers: firstAndLast(clients.memory), server: firstAndLast(servers.memory) },
    });
  } finally {
    over.abort();
    for (const timer of timers) clearInterval(timer);
    await Promise.all([clients.end(), servers.end()]);
    await system.close();
    await rm(storeDirectory, { recursive: true, force: true });
  }
}

function noteServer(line: JsonLine, ledger: Ledger): void {
  const { event } = line;
  const [pid, at] = [Number(line['pid']), Number(line['at'])];
  if (event === 'run') ledger.executed(String(line['marker']), pid, at);
}

function noteCaller(line: JsonLine, ledger: Ledger): void {
  const { event } = line;
  const [marker, pid, at] = [String(line['marker']), Number(line['pid']), Number(line['at'])];
  if (event === 'sent') ledger.sent(marker, pid, at);
  if (event === 'answered') ledger.answered(marker, at);
  if (event === 'ended') ledger.ended(marker, line['outcome'] as Outcome, at);
}

/** No more calls; resolves when those under way have ended. */
async function finish(clients: Crew, finished: ReadonlySet<number | undefined>): Promise<void> {
  for (const { process } of clients.members) process.send?.(FINISH, () => {});
  const givenUpAt = performance.now() + ENDED_WITHIN_MS;
  while (!clients.members.every(({ process }) => finished.has(process.pid))) {
    if (performance.now() > givenUpAt) throw new Error('Calls of some client never end.');
    await sleep(50);
  }
}

/** Does all that is on the schedule, which goes on from its beginning when it is through. */
async function torment(
  system: System,
  servers: Crew,
  clients: Crew,
  { seed, durationMs, only }: RackPlan,
  planned: Record<string, number>,
  over: AbortSignal,
): Promise<void> {
  const faults: Faults = {
    ...system.faults,
    ...Object.fromEntries(system.callersFaults.map((fault) => [fault, (dice: Dice) => tellOne(clients, fault, dice)])),
    [endOf(SERVER, 'SIGKILL')]: (dice) => servers.replaceOne(dice, 'SIGKILL'),
    [endOf(SERVER, 'SIGTERM')]: (dice) => servers.replaceOne(dice, 'SIGTERM'),
    [endOf(CLIENT, 'SIGKILL')]: (dice) => clients.replaceOne(dice, 'SIGKILL'),
  };
  const kinds = Object.keys(faults).filter((kind) => only.test(kind));
  const kills = [endOf(SERVER, 'SIGKILL'), endOf(CLIENT, 'SIGKILL')];
  const weightOf = (kind: string) =>
    kills.includes(kind) ? KILL_WEIGHT : system.outages.includes(kind) ? 1 : USUAL_WEIGHT;
  const weighted = kinds.flatMap((kind) => Array<string>(weightOf(kind)).fill(kind));
  const lapMs = Math.max(durationMs, LEAST_LAP_MS);
  const running = new Set<Promise<void>>();
  over.addEventListener('abort', () => {
    system.calm?.();
    servers.calm();
    clients.calm();
  });
  for (let lap = 0; !over.aborted && kinds.length > 0; lap++) {
    const beganAt = performance.now();
    for (const { atMs, kind, strength } of createSchedule(seed + lap, lapMs, weighted)) {
      const waitMs = Math.max(0, beganAt + atMs - performance.now());
      await sleep(waitMs, undefined, { signal: over }).catch(() => {});
      if (over.aborted) break;
      planned[kind] = (planned[kind] ?? 0) + 1;
      const doing = Promise.resolve(faults[kind]?.(createDice(strength)))
        .catch((error: unknown) => void servers.problems.push(`${kind}: ${String(error)}`))
        .finally(() => running.delete(doing));
      running.add(doing);
    }
  }
  await Promise.all(running);
}

function tellOne(clients: Crew, fault: string, dice: Dice): void {
  clients.tellOne(dice, { fault, strength: dice.between(0, 999) } satisfies CallersFault);
}

function firstAndLast(values: readonly number[]): [number, number] {
  return [values[0] ?? 0, values.at(-1) ?? 0];
}
