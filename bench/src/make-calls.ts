import type { CallTimes, Workload } from './contender.js';

/** Makes calls, `inFlight` of them at a time, and times each. */
export async function makeCalls({ calls, inFlight }: Workload, call: () => Promise<void>): Promise<CallTimes> {
  const latenciesMs: number[] = [];
  let left = calls;
  const lane = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const startedAt = performance.now();
      await call();
      latenciesMs.push(performance.now() - startedAt);
    }
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: inFlight }, lane));
  return { elapsedMs: performance.now() - startedAt, latenciesMs };
}
