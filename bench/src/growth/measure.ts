import { median } from '../statistics.js';
import { totalOf } from '../usage.js';
import type { Round, Workload } from '../contender.js';
import type { Usage } from '../usage.js';
import type { Crowd } from './crowd.js';

export interface GrowthPlan {
  /** Sessions that are opened, and calls that are made, before anything counts. */
  readonly warmUp: { readonly sessions: number; readonly calls: number };
  /** Sessions held, ascending. Calls are made with the last two of them. */
  readonly sessions: readonly number[];
  /** Calls of a round, and ten times as many. */
  readonly calls: number;
  readonly rounds: number;
  readonly inFlight: number;
}

/** What each of some sessions cost to open, and costs to hold. */
export interface SessionCost {
  /** Held after them. */
  readonly sessions: number;
  /** From first to last, in milliseconds. */
  readonly ms: number;
  /** Of both sides. */
  readonly requests: number;
  /** Of the server, in bytes. */
  readonly heap: number;
}

/** What each of some calls cost. */
export interface CallCost {
  readonly sessions: number;
  readonly calls: number;
  /** From first to last, in milliseconds. */
  readonly ms: number;
  /** Of the server, in milliseconds. */
  readonly cpuMs: number;
  /** Of both sides. */
  readonly requests: number;
  /** Of the server as a whole after them, in bytes. */
  readonly heapAfter: number;
}

export interface Growth {
  readonly opening: readonly SessionCost[];
  /** With a tenth of the sessions. */
  readonly fewSessions: CallCost;
  /** With a tenth of the sessions, ten times the calls. */
  readonly manyCalls: CallCost;
  readonly manySessions: CallCost;
}

/** How the costs of a server grow with its sessions and with its calls. */
export async function measureGrowth(crowd: Crowd, plan: GrowthPlan): Promise<Growth> {
  const { warmUp, sessions, calls, rounds, inFlight } = plan;
  await crowd.open(warmUp.sessions);
  await crowd.run({ calls: warmUp.calls, inFlight });
  const many = sessions.at(-1) ?? 0;
  const opening: SessionCost[] = [];
  for (const count of sessions.slice(0, -1)) opening.push(await openUpTo(crowd, count, opening.at(-1)?.sessions ?? 0));
  const few = opening.at(-1)?.sessions ?? 0;
  await oneCallEach(crowd, few + warmUp.sessions, inFlight);
  const fewSessions = await callCost(crowd, few, { calls, inFlight }, rounds);
  const manyCalls = await callCost(crowd, few, { calls: calls * 10, inFlight }, 1);
  opening.push(await openUpTo(crowd, many, few));
  await oneCallEach(crowd, many + warmUp.sessions, inFlight);
  const manySessions = await callCost(crowd, many, { calls, inFlight }, rounds);
  return { opening, fewSessions, manyCalls, manySessions };
}

async function openUpTo(crowd: Crowd, sessions: number, before: number): Promise<SessionCost> {
  const heapBefore = await crowd.heap();
  const opened = await crowd.open(sessions - before);
  const heap = (await crowd.heap()) - heapBefore;
  return {
    sessions,
    ms: opened.elapsedMs / opened.sessions,
    requests: requestsOf(opened) / opened.sessions,
    heap: heap / opened.sessions,
  };
}

/** A session's first call makes what the later ones use. */
async function oneCallEach(crowd: Crowd, sessions: number, inFlight: number): Promise<void> {
  await crowd.run({ calls: sessions, inFlight });
}

async function callCost(crowd: Crowd, sessions: number, workload: Workload, rounds: number): Promise<CallCost> {
  const done: Round[] = [];
  for (let round = 0; round < rounds; round++) done.push(await crowd.run(workload));
  const each = (take: (round: Round) => number): number => median(done.map((round) => take(round) / round.calls));
  return {
    sessions,
    calls: workload.calls,
    ms: each(({ elapsedMs }) => elapsedMs),
    cpuMs: each(({ server }) => server.cpuMs),
    requests: each(requestsOf),
    heapAfter: await crowd.heap(),
  };
}

function requestsOf({ client, server }: { readonly client: Usage; readonly server: Usage }): number {
  return totalOf(client.requests) + totalOf(server.requests);
}
