import { setMaxListeners } from 'node:events';
import { AsyncMcpError } from '@asyncmcp/core';
import { onAbort } from './abort.js';
import { fromAwsError } from './aws-errors.js';

/** Longest try of one API call, in milliseconds, so that a connection which swallows everything does not hang its caller. */
export const API_TIMEOUT_MS = 15_000;

/** One call of an AWS API, for {@link awsCall}. */
export interface AwsCall<T> {
  /** What is being done, for the error message: "Sending to queue https://…". */
  readonly doing: string;
  /** Makes the call, which ends when the signal aborts. */
  readonly call: (abortSignal: AbortSignal) => Promise<T>;
  /** How long until the call is given up, in milliseconds. Default 15,000. */
  readonly timeoutMs?: number | undefined;
  /** Gives the call up; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** What the call is aborted by, where others share it. Default: its own. */
  readonly sharedAbort?: SharedAbort | undefined;
  /** Told of a result that came after the call was given up. */
  readonly onLate?: ((result: T) => void) | undefined;
}

/**
 * An abort signal for many calls. One of their own for each costs a tenth of the call: so whoever makes many lets them
 * share. When one gets no answer in time, all that are under way with it are given up, and count as failures that may pass;
 * they went to the same endpoint.
 */
export interface SharedAbort {
  /** The signal for calls that begin now. */
  readonly signal: AbortSignal;
  /** Gives up what is under way. Calls that begin later have a new signal. */
  abort(reason: Error): void;
}

/** A signal that nothing has aborted yet. */
export function createSharedAbort(): SharedAbort {
  let controller = newController();
  return {
    get signal() {
      return controller.signal;
    },
    abort(reason) {
      const aborted = controller;
      controller = newController();
      aborted.abort(reason);
    },
  };
}

/** Every call under way listens to it, several times. */
function newController(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}

/**
 * Runs one AWS API call with a time limit. Settles as soon as the limit or the signal says so, even where the SDK does
 * not listen (between its own retries).
 *
 * @throws AsyncMcpError `ERR_UNAVAILABLE` when time is up, and for what may pass; by what AWS says
 *   `ERR_ACCESS_DENIED`, `ERR_DESTINATION_GONE`, `ERR_INVALID_OPTION`, `ERR_LEASE_LOST`, `ERR_MESSAGE_INVALID`,
 *   `ERR_MESSAGE_TOO_LARGE`; the signal's reason
 */
export function awsCall<T>(options: AwsCall<T>): Promise<T> {
  const { doing, call, timeoutMs = API_TIMEOUT_MS, signal, sharedAbort = createSharedAbort(), onLate } = options;
  if (signal?.aborted === true) return Promise.reject(asError(signal.reason));
  return new Promise((resolve, reject) => {
    const abortSignal = sharedAbort.signal;
    let ended = false;
    const end = (): void => {
      ended = true;
      clearTimeout(timer);
      removeListener();
    };
    const giveUp = (error: Error): void => {
      end();
      reject(error);
      // Another call may have aborted it already, and what has begun since is not to suffer.
      if (sharedAbort.signal === abortSignal) sharedAbort.abort(error);
    };
    const timer = setTimeout(() => giveUp(timedOut(doing, timeoutMs)), timeoutMs);
    const removeListener = onAbort(signal, (reason) => giveUp(asError(reason)));
    started(call, abortSignal).then(
      (result) => {
        if (ended) return onLate?.(result);
        end();
        resolve(result);
      },
      (error: unknown) => {
        if (ended) return;
        end();
        reject(fromAwsError(error, doing));
      },
    );
  });
}

/** An async function, so that a call which throws at once is a rejection like any other. */
async function started<T>(call: AwsCall<T>['call'], abortSignal: AbortSignal): Promise<T> {
  return call(abortSignal);
}

function timedOut(doing: string, timeoutMs: number): AsyncMcpError {
  return new AsyncMcpError('ERR_UNAVAILABLE', `${doing} failed: no answer within ${timeoutMs} ms.`, {
    details: { timeoutMs },
  });
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new AsyncMcpError('ERR_CLOSED', 'The call was aborted.', { cause: reason });
}
