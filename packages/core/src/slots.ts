/** A counting semaphore, first come first served. */
export class Slots {
  readonly #limit: number;
  readonly #waiting: (() => void)[] = [];
  #taken = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Slots taken now; above the limit only where {@link take} was used. */
  get taken(): number {
    return this.#taken;
  }

  /** Resolves when a slot is the caller's. Rejects with the signal's reason when it aborts first. */
  async acquire(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#taken < this.#limit && this.#waiting.length === 0) {
      this.#taken++;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => {
        const index = this.#waiting.indexOf(granted);
        if (index !== -1) this.#waiting.splice(index, 1);
        reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
      };
      const granted = (): void => {
        signal.removeEventListener('abort', onAbort);
        this.#taken++;
        resolve();
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(granted);
    });
  }

  /** Takes a slot without waiting, even above the limit: for work that had one and goes on. */
  take(): void {
    this.#taken++;
  }

  release(): void {
    this.#taken--;
    while (this.#taken < this.#limit) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      next();
    }
  }
}
