import type { Contenders, Round, Workload } from './contender.js';

export interface ComparisonPlan extends Workload {
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

/** The rounds of both, in pairs that ran right after one another. */
export interface Comparison {
  readonly asyncmcp: readonly Round[];
  readonly byHand: readonly Round[];
}

/** Runs the same rounds with both contenders by turns, so that what else the machine does meets both alike. */
export async function compare(start: () => Promise<Contenders>, plan: ComparisonPlan): Promise<Comparison> {
  const done: { asyncmcp: Round[]; byHand: Round[] } = { asyncmcp: [], byHand: [] };
  for (let started = 0; started < plan.starts; started++) {
    const contenders = await start();
    try {
      const { asyncmcp, byHand } = await runRounds(contenders, plan);
      done.asyncmcp.push(...asyncmcp);
      done.byHand.push(...byHand);
    } finally {
      await Promise.all([contenders.asyncmcp.stop(), contenders.byHand.stop()]);
    }
  }
  return done;
}

async function runRounds({ asyncmcp, byHand }: Contenders, plan: ComparisonPlan): Promise<Comparison> {
  const { rounds, warmUpCalls, calls, inFlight } = plan;
  await asyncmcp.run({ calls: warmUpCalls, inFlight });
  await byHand.run({ calls: warmUpCalls, inFlight });
  const done: { asyncmcp: Round[]; byHand: Round[] } = { asyncmcp: [], byHand: [] };
  for (let round = 0; round < rounds; round++) {
    // Going first is no advantage over the whole run.
    const asyncmcpFirst = round % 2 === 0;
    if (asyncmcpFirst) done.asyncmcp.push(await asyncmcp.run({ calls, inFlight }));
    done.byHand.push(await byHand.run({ calls, inFlight }));
    if (!asyncmcpFirst) done.asyncmcp.push(await asyncmcp.run({ calls, inFlight }));
  }
  return done;
}

/** asyncmcp : by hand, for each pair of rounds, of something taken from a round. */
export function pairRatios(comparison: Comparison, take: (round: Round) => number): number[] {
  return comparison.asyncmcp.map((round, index) => {
    const other = comparison.byHand[index];
    return other === undefined ? Number.NaN : take(round) / take(other);
  });
}
