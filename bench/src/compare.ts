import type { Contenders, Round, Workload } from './contender.js';

/** How often something is measured. */
export interface Repetition {
  /** How often both are started anew: what the compiler makes of a program differs from process to process. */
  readonly starts: number;
  /** Rounds of each start. */
  readonly rounds: number;
  /**
   * Calls that each contender makes before anything counts. A server runs for days; until its code is compiled, which takes
   * thousands of calls, it is several times as slow.
   */
  readonly warmUpCalls: number;
}

export interface ComparisonPlan extends Workload, Repetition {}

/** Several workloads by turns, on the same processes. */
export interface LoadsPlan extends Repetition {
  readonly loads: readonly Workload[];
}

/** The rounds of both, in pairs that ran right after one another. */
export interface Comparison {
  readonly asyncmcp: readonly Round[];
  readonly baseline: readonly Round[];
}

export interface LoadComparison {
  readonly load: Workload;
  readonly comparison: Comparison;
}

interface Pair {
  readonly load: Workload;
  readonly comparison: { readonly asyncmcp: Round[]; readonly baseline: Round[] };
}

/** Runs the same rounds with both contenders by turns, so that what else the machine does meets both alike. */
export async function compare(start: () => Promise<Contenders>, plan: ComparisonPlan): Promise<Comparison> {
  const pair = pairOf(plan);
  await runStarts(start, plan, [pair]);
  return pair.comparison;
}

/** As {@link compare}, with several workloads: each round has all of them, one after another. */
export async function compareLoads(start: () => Promise<Contenders>, plan: LoadsPlan): Promise<LoadComparison[]> {
  const pairs = plan.loads.map(pairOf);
  await runStarts(start, plan, pairs);
  return pairs;
}

function pairOf({ calls, inFlight }: Workload): Pair {
  return { load: { calls, inFlight }, comparison: { asyncmcp: [], baseline: [] } };
}

async function runStarts(
  start: () => Promise<Contenders>,
  { starts, ...repetition }: Repetition,
  pairs: readonly Pair[],
): Promise<void> {
  for (let started = 0; started < starts; started++) {
    const contenders = await start();
    try {
      await runRounds(contenders, repetition, pairs, started % 2 === 0);
    } finally {
      await Promise.all([contenders.asyncmcp.stop(), contenders.baseline.stop()]);
    }
  }
}

async function runRounds(
  { asyncmcp, baseline }: Contenders,
  { rounds, warmUpCalls }: Omit<Repetition, 'starts'>,
  pairs: readonly Pair[],
  asyncmcpBegins: boolean,
): Promise<void> {
  const warmUp = { calls: warmUpCalls, inFlight: Math.max(...pairs.map(({ load }) => load.inFlight)) };
  for (const contender of asyncmcpBegins ? [asyncmcp, baseline] : [baseline, asyncmcp]) await contender.run(warmUp);
  for (let round = 0; round < rounds; round++) {
    for (const { load, comparison } of pairs) {
      // Going first is no advantage over the whole run.
      const asyncmcpFirst = asyncmcpBegins === (round % 2 === 0);
      if (asyncmcpFirst) comparison.asyncmcp.push(await asyncmcp.run(load));
      comparison.baseline.push(await baseline.run(load));
      if (!asyncmcpFirst) comparison.asyncmcp.push(await asyncmcp.run(load));
    }
  }
}

/** asyncmcp : baseline, for each pair of rounds, of something taken from a round. */
export function pairRatios(comparison: Comparison, take: (round: Round) => number): number[] {
  return comparison.asyncmcp.map((round, index) => {
    const other = comparison.baseline[index];
    return other === undefined ? Number.NaN : take(round) / take(other);
  });
}
