import { AsyncMcpError } from '@asyncmcp/core';
import { onAbort } from './abort.js';
import { fromAwsError } from './aws-errors.js';

/** Longest try of one API call, in milliseconds, so that a connection which swallows everything does not hang its caller. */
export const API_TIMEOUT_MS = 15_000;

export interface AwsCall<T> {
  /** What is being done, for the error message: "Sending to queue https://…". */
  readonly doing: string;
  readonly call: (abortSignal: AbortSignal) => Promise<T>;
  /** Milliseconds until the call is given up. Default {@link API_TIMEOUT_MS}. */
  readonly timeoutMs?: number | undefined;
  /** Gives the call up; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Told of a result that came after the call was given up. */
  readonly onLate?: ((result: T) => void) | undefined;
}

/**
 * Runs one AWS API call with a time limit. Settles as soon as the limit or the signal says so, even where the SDK does
 * not listen (between its own retries).
 *
 * @throws AsyncMcpError as {@link fromAwsError} makes it; `ERR_UNAVAILABLE` when time is up
 */
export function awsCall<T>({ doing, call, timeoutMs = API_TIMEOUT_MS, signal, onLate }: AwsCall<T>): Promise<T> {
  if (signal?.aborted === true) return Promise.reject(asError(signal.reason));
  return new Promise((resolve, reject) => {
    const controller = new AbortController();
    let ended = false;
    const end = (settle: () => void): void => {
      if (ended) return;
      ended = true;
      clearTimeout(timer);
      removeListener();
      settle();
    };
    const giveUp = (error: Error): void => {
      end(() => reject(error));
      controller.abort(error);
    };
    const timer = setTimeout(() => giveUp(timedOut(doing, timeoutMs)), timeoutMs);
    const removeListener = onAbort(signal, (reason) => giveUp(asError(reason)));
    // Inside an async function, so that a call which throws at once is a rejection like any other.
    const run = async (): Promise<T> => call(controller.signal);
    run().then(
      (result) => (ended ? onLate?.(result) : end(() => resolve(result))),
      (error: unknown) => end(() => reject(fromAwsError(error, doing))),
    );
  });
}

function timedOut(doing: string, timeoutMs: number): AsyncMcpError {
  return new AsyncMcpError('ERR_UNAVAILABLE', `${doing} failed: no answer within ${timeoutMs} ms.`, {
    details: { timeoutMs },
  });
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new AsyncMcpError('ERR_CLOSED', 'The call was aborted.', { cause: reason });
}
