/** A signal that aborts, with the same reason, when any of several does. */
export interface LinkedSignal {
  readonly signal: AbortSignal;
  /** Removes the listeners; to be called when the work is done, the sources often live as long as the process. */
  unlink(): void;
}

/** Links signals; undefined ones are left out. */
export function linkSignals(...sources: (AbortSignal | undefined)[]): LinkedSignal {
  const [only, ...others] = sources.filter((source) => source !== undefined);
  // The usual case, on the way of every message: nothing to link, nothing to clean up.
  if (only !== undefined && others.length === 0) return { signal: only, unlink: () => {} };
  const controller = new AbortController();
  const cleanups = sources.map((source) => onAbort(source, (reason) => controller.abort(reason)));
  return {
    signal: controller.signal,
    unlink: () => {
      for (const cleanup of cleanups) cleanup();
    },
  };
}

/** Calls `listener` once when `signal` aborts, at once if it has. Returns what takes the listener away again. */
export function onAbort(signal: AbortSignal | undefined, listener: (reason: unknown) => void): () => void {
  if (signal === undefined) return () => {};
  if (signal.aborted) {
    listener(signal.reason);
    return () => {};
  }
  const handler = (): void => listener(signal.reason);
  signal.addEventListener('abort', handler, { once: true });
  return () => signal.removeEventListener('abort', handler);
}

/** What `promise` does, or the rejection with the signal's reason as soon as that aborts. The work itself goes on. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const cleanup = onAbort(signal, reject);
    promise.then(resolve, reject).finally(cleanup);
  });
}
