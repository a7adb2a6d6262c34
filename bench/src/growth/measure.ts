import { median } from '../statistics.js';
import { totalOf } from '../usage.js';
import type { Round, Workload } from '../contender.js';
import type { Usage } from '../usage.js';
import type { Crowd } from './crowd.js';

export interface GrowthPlan {
  /** Sessions that are opened, and calls that are made, before anything counts. */
  readonly warmUp: { readonly sessions: number; readonly calls: number };
  /** Sessions held, ascending. Calls are made with the latter two. */
  readonly sessions: { readonly first: number; readonly few: number; readonly many: number };
  /** Calls of a round, and ten times as many. */
  readonly calls: number;
  /** Rounds of calls, with few sessions and with many by turns. */
  readonly rounds: number;
  /** How often the first are opened. */
  readonly tries: number;
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
  /** For each number of sessions. */
  readonly opening: readonly [SessionCost, SessionCost, SessionCost];
  /** With a tenth of the sessions. */
  readonly fewSessions: CallCost;
  /** With a tenth of the sessions, ten times the calls. */
  readonly manyCalls: CallCost;
  readonly manySessions: CallCost;
}

/** Two servers, one of which gets ten times the sessions of the other. */
export interface Crowds {
  readonly few: Crowd;
  readonly many: Crowd;
}

/**
 * How the costs of a server grow with its sessions and with its calls. Few and many sessions are called by turns: the machine's pace
 * changes by more, within minutes, than there is to see.
 */
export async function measureGrowth(crowds: Crowds, plan: GrowthPlan): Promise<Growth> {
  const { warmUp, sessions, calls, inFlight } = plan;
  const { first, few, many } = sessions;
  await crowds.many.open(warmUp.sessions);
  const firstOnes = await openSome(crowds.many, first, plan.tries);
  const fewOnes = await openUpTo(crowds.many, few, first * plan.tries);
  const manyOnes = await openUpTo(crowds.many, many, few);
  await crowds.few.open(few + warmUp.sessions);
  for (const crowd of [crowds.few, crowds.many]) await crowd.run({ calls: warmUp.calls, inFlight });
  await oneCallEach(crowds.few, few + warmUp.sessions, inFlight);
  await oneCallEach(crowds.many, many + warmUp.sessions, inFlight);
  const [roundsOfFew, roundsOfMany] = await runByTurns(crowds, { calls, inFlight }, plan.rounds);
  const fewSessions = await callCost(crowds.few, few, calls, roundsOfFew);
  const manySessions = await callCost(crowds.many, many, calls, roundsOfMany);
  const manyCalls = await callCost(crowds.few, few, calls * 10, [
    await crowds.few.run({ calls: calls * 10, inFlight }),
  ]);
  return { opening: [firstOnes, fewOnes, manyOnes], fewSessions, manyCalls, manySessions };
}

async function runByTurns({ few, many }: Crowds, workload: Workload, rounds: number): Promise<[Round[], Round[]]> {
  const done: [Round[], Round[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    // Going first is no advantage over the whole run.
    const fewFirst = round % 2 === 0;
    if (fewFirst) done[0].push(await few.run(workload));
    done[1].push(await many.run(workload));
    if (!fewFirst) done[0].push(await few.run(workload));
  }
  return done;
}

/** So few that whatever else comes and goes in the heap counts as much: it takes several tries to tell. */
async function openSome(crowd: Crowd, sessions: number, tries: number): Promise<SessionCost> {
  const costs: SessionCost[] = [];
  for (let opened = 0; opened < tries; opened++) costs.push(await openUpTo(crowd, sessions, 0));
  const middle = (take: (cost: SessionCost) => number): number => median(costs.map(take));
  return {
    sessions,
    ms: middle(({ ms }) => ms),
    requests: middle(({ requests }) => requests),
    heap: middle(({ heap }) => heap),
  };
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

async function callCost(crowd: Crowd, sessions: number, calls: number, rounds: readonly Round[]): Promise<CallCost> {
  const each = (take: (round: Round) => number): number => median(rounds.map((round) => take(round) / round.calls));
  return {
    sessions,
    calls,
    ms: each(({ elapsedMs }) => elapsedMs),
    cpuMs: each(({ server }) => server.cpuMs),
    requests: each(requestsOf),
    heapAfter: await crowd.heap(),
  };
}

function requestsOf({ client, server }: { readonly client: Usage; readonly server: Usage }): number {
  return totalOf(client.requests) + totalOf(server.requests);
}
