import type { Contenders, Round, Workload } from './contender.js';

export interface ComparisonPlan extends Workload {
  readonly rounds: number;
  /** Calls made before anything counts, in each contender: what is compiled late is compiled then. */
  readonly warmUpCalls: number;
}

/** The rounds of both, in pairs that ran right after one another. */
export interface Comparison {
  readonly asyncmcp: readonly Round[];
  readonly byHand: readonly Round[];
}

/** Runs the same rounds with both contenders by turns, so that what else the machine does meets both alike. */
export async function compare(
  { asyncmcp, byHand }: Contenders,
  { rounds, warmUpCalls, ...workload }: ComparisonPlan,
): Promise<Comparison> {
  const warmUp = { ...workload, calls: warmUpCalls };
  await asyncmcp.run(warmUp);
  await byHand.run(warmUp);
  const done: { asyncmcp: Round[]; byHand: Round[] } = { asyncmcp: [], byHand: [] };
  for (let round = 0; round < rounds; round++) {
    // Going first is no advantage over the whole run.
    const asyncmcpFirst = round % 2 === 0;
    if (asyncmcpFirst) done.asyncmcp.push(await asyncmcp.run(workload));
    done.byHand.push(await byHand.run(workload));
    if (!asyncmcpFirst) done.asyncmcp.push(await asyncmcp.run(workload));
  }
  return done;
}

/** asyncmcp by hand, for each pair of rounds, of something taken from a round. */
export function pairRatios(comparison: Comparison, take: (round: Round) => number): number[] {
  return comparison.asyncmcp.map((round, index) => {
    const other = comparison.byHand[index];
    return other === undefined ? Number.NaN : take(round) / take(other);
  });
}
