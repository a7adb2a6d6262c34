import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';

/** What is left of `T` when it is known to be truthy. */
export type Truthy<T> = Exclude<T, false | 0 | 0n | '' | null | undefined>;

export interface UntilOptions {
  /** How long to wait, in milliseconds. Default 10,000. */
  timeoutMs?: number;
  /** Pause between two looks, in milliseconds. Default 10. */
  intervalMs?: number;
  /** What was waited for; a function is called at the end, so it can tell the state things were left in. */
  message?: string | (() => string);
}

/**
 * Resolves with the first truthy value of `condition`. A condition that throws counts as "not yet", so it may hold an
 * `expect`; its last error is the `cause` of the rejection when time is up. Needs real timers.
 */
export async function until<T>(condition: () => T | Promise<T>, options: UntilOptions = {}): Promise<Truthy<T>> {
  const { timeoutMs = 10_000, intervalMs = 10 } = options;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const attempt = await look(condition, deadline - performance.now());
    if (isTruthy(attempt.value)) return attempt.value;
    if (performance.now() + intervalMs >= deadline) throw timeoutError(attempt, timeoutMs, options.message);
    await sleep(intervalMs);
  }
}

interface Attempt<T> {
  value?: T | undefined;
  error?: unknown;
}

/** One look that cannot hang for longer than the time left. */
async function look<T>(condition: () => T | Promise<T>, timeoutMs: number): Promise<Attempt<T>> {
  const timeUp = new AbortController();
  const expiry = sleep(Math.max(timeoutMs, 0), { error: new Error('the condition did not return') }, timeUp);
  try {
    return await Promise.race([evaluate(condition), expiry]);
  } finally {
    timeUp.abort();
    // the abandoned sleep rejects with AbortError, which is nobody's business
    expiry.catch(() => {});
  }
}

async function evaluate<T>(condition: () => T | Promise<T>): Promise<Attempt<T>> {
  try {
    return { value: await condition() };
  } catch (error) {
    return { error };
  }
}

function isTruthy<T>(value: T): value is Truthy<T> {
  return Boolean(value);
}

function timeoutError(attempt: Attempt<unknown>, timeoutMs: number, message: UntilOptions['message']): Error {
  const what = (typeof message === 'function' ? message() : message) ?? 'the condition to hold';
  const last =
    attempt.error === undefined ? `it was ${inspect(attempt.value)} at last` : `at last: ${messageOf(attempt.error)}`;
  return new Error(
    `Waited ${timeoutMs} ms for ${what}; ${last}`,
    attempt.error === undefined ? undefined : { cause: attempt.error },
  );
}

function messageOf(error: unknown): string {
  // no instanceof: under jest, node's own errors are of another realm
  const hasMessage = typeof error === 'object' && error !== null && 'message' in error;
  return hasMessage && typeof error.message === 'string' ? error.message : inspect(error);
}
