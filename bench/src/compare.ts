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
  readonly baseline: readonly Round[];
}

/** Runs the same rounds with both contenders by turns, so that what else the machine does meets both alike. */
export async function compare(start: () => Promise<Contenders>, plan: ComparisonPlan): Promise<Comparison> {
  const done: { asyncmcp: Round[]; baseline: Round[] } = { asyncmcp: [], baseline: [] };
  for (let started = 0; started < plan.starts; started++) {
    const contenders = await start();
    try {
      const { asyncmcp, baseline } = await runRounds(contenders, plan);
      done.asyncmcp.push(...asyncmcp);
      done.baseline.push(...baseline);
    } finally {
      await Promise.all([contenders.asyncmcp.stop(), contenders.baseline.stop()]);
    }
  }
  return done;
}

async function runRounds({ asyncmcp, baseline }: Contenders, plan: ComparisonPlan): Promise<Comparison> {
  const { rounds, warmUpCalls, calls, inFlight } = plan;
  await asyncmcp.run({ calls: warmUpCalls, inFlight });
  await baseline.run({ calls: warmUpCalls, inFlight });
  const done: { asyncmcp: Round[]; baseline: Round[] } = { asyncmcp: [], baseline: [] };
  for (let round = 0; round < rounds; round++) {
    // Going first is no advantage over the whole run.
    const asyncmcpFirst = round % 2 === 0;
    if (asyncmcpFirst) done.asyncmcp.push(await asyncmcp.run({ calls, inFlight }));
    done.baseline.push(await baseline.run({ calls, inFlight }));
    if (!asyncmcpFirst) done.asyncmcp.push(await asyncmcp.run({ calls, inFlight }));
  }
  return done;
}

/** asyncmcp : baseline, for each pair of rounds, of something taken from a round. */
export function pairRatios(comparison: Comparison, take: (round: Round) => number): number[] {
  return comparison.asyncmcp.map((round, index) => {
    const other = comparison.baseline[index];
    return other === undefined ? Number.NaN : take(round) / take(other);
  });
}
