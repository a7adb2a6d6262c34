import { setTimeout as sleep } from 'node:timers/promises';

/** How long to wait between tries. */
export interface BackoffOptions {
  /** Upper bound of the first delay, in milliseconds. Default 100. */
  readonly baseMs?: number;
  /** Upper bound of any delay, in milliseconds. Default 10,000. */
  readonly maxMs?: number;
  /** Source of randomness from 0 to 1, for tests. Default Math.random. */
  readonly random?: () => number;
}

/**
 * The delay before try number `attempt` + 1, in milliseconds: exponential with full jitter, so that clients which failed
 * together do not come back together.
 */
export function backoffDelay(attempt: number, options: BackoffOptions = {}): number {
  const { baseMs = 100, maxMs = 10_000, random = Math.random } = options;
  return Math.floor(random() * Math.min(maxMs, baseMs * 2 ** Math.min(attempt - 1, 30)));
}

/**
 * The delay, in milliseconds, with which a message is given back that another replica should take: mostly none, for speed,
 * and every fourth time a second, so that it is not this replica that is always the first to ask again.
 */
export function handOnDelay(attempt: number): number {
  return attempt % 4 === 0 ? 1000 : 0;
}

/** Options of {@link retry}. */
export interface RetryOptions extends BackoffOptions {
  /** No new try begins when this many milliseconds have gone by. */
  readonly forMs: number;
  /** Ends the waiting; the promise then rejects with the signal's reason. */
  readonly signal: AbortSignal;
  /** Whether another try may help. Errors for which it may not are thrown at once. */
  readonly isTransient: (error: unknown) => boolean;
  /** Told of each failed try that is followed by another. Default: nobody is. */
  readonly onRetry?: (error: unknown, attempt: number, delayMs: number) => void;
}

/**
 * Runs `task` until it succeeds, fails for good, or time is up.
 *
 * @throws what `task` failed with at last, or the signal's reason
 */
export async function retry<T>(task: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  const deadline = Date.now() + options.forMs;
  for (let attempt = 1; ; attempt++) {
    options.signal.throwIfAborted();
    try {
      return await task(attempt);
    } catch (error) {
      const delayMs = backoffDelay(attempt, options);
      if (options.signal.aborted || !options.isTransient(error) || Date.now() + delayMs > deadline) throw error;
      options.onRetry?.(error, attempt, delayMs);
      await pause(delayMs, options.signal);
    }
  }
}

/**
 * Goes on as {@link retry} does after a first try of the same task that failed with `failure`.
 *
 * @throws what {@link retry} does: `failure`, too, where no other try is to follow
 */
export function retryAfter<T>(
  failure: unknown,
  task: (attempt: number) => Promise<T>,
  options: RetryOptions,
): Promise<T> {
  const tryAgain = async (attempt: number): Promise<T> => {
    if (attempt === 1) throw failure;
    return task(attempt);
  };
  return retry(tryAgain, options);
}

/**
 * Waits for so many milliseconds, or until the signal aborts.
 *
 * @throws the signal's own reason, which timers/promises hides behind an AbortError
 */
export async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(delayMs, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}
