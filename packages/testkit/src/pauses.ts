import { createDeferred } from './deferred.js';

/** Waits that can all be ended at once. */
export class Pauses {
  readonly #running = new Set<() => void>();

  /** Ends early when the signal is aborted. */
  async pause(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return;
    const over = createDeferred();
    const end = () => over.resolve();
    const timer = setTimeout(end, ms);
    this.#running.add(end);
    signal?.addEventListener('abort', end);
    try {
      await over.promise;
    } finally {
      clearTimeout(timer);
      this.#running.delete(end);
      signal?.removeEventListener('abort', end);
    }
  }

  endAll(): void {
    for (const end of this.#running) end();
  }
}
