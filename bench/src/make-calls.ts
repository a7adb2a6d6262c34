import type { CallTimes, Workload } from './contender.js';

/**
 * Makes calls, `inFlight` of them at a time, and times each.
 *
 * @param call - told which of those that run at a time it is, from 0
 */
export async function makeCalls(
  { calls, inFlight }: Workload,
  call: (lane: number) => Promise<void>,
): Promise<CallTimes> {
  const latenciesMs: number[] = [];
  let left = calls;
  const run = async (lane: number): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const startedAt = performance.now();
      await call(lane);
      latenciesMs.push(performance.now() - startedAt);
    }
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: inFlight }, (_, lane) => run(lane)));
  return { elapsedMs: performance.now() - startedAt, latenciesMs };
}
