/**
 * What `work` comes to, or a rejection once it has taken `timeoutMs` milliseconds or the signal aborts: code that is not
 * ours (a store, a factory, a server) may never settle. The work itself goes on; `onLate` is called once it has come to an
 * end all the same, good or bad.
 *
 * @throws what `work` rejects with; an Error that says `what` took too long; the signal's reason
 */
export async function withDeadline<T>(
  work: Promise<T>,
  { timeoutMs, signal, what, onLate }: { timeoutMs: number; signal?: AbortSignal; what: string; onLate?: () => void },
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  let late = false;
  const ended = (): void => {
    if (late) onLate?.();
  };
  work.then(ended, ended); // Of a failure in time, whoever waits below is told.
  try {
    return await new Promise<T>((resolve, reject) => {
      work.then(resolve, reject);
      timer = setTimeout(() => reject(new Error(`${what} took longer than ${timeoutMs} ms`)), timeoutMs);
      onAbort = () => reject(signal?.reason instanceof Error ? signal.reason : new Error(`${what} was aborted`));
      if (signal?.aborted === true) onAbort();
      else signal?.addEventListener('abort', onAbort);
    });
  } finally {
    late = true;
    clearTimeout(timer);
    if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort);
  }
}
