/** Waits for something a test can see, looking again whenever it is told of a change. */
export class Watch {
  readonly #looks = new Set<() => void>();
  readonly #patienceMs: number;

  /** @param patienceMs - how long to wait before giving up, in milliseconds */
  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  /** Something has changed: everybody who waits looks again. */
  changed(): void {
    for (const look of this.#looks) look();
  }

  /** Resolves with what `look` sees, as soon as it is neither undefined nor false; rejects with `what` when it is too late. */
  async until<T>(what: string, look: () => T | undefined | false): Promise<T> {
    let check: () => void = () => {};
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        check = () => {
          const seen = look();
          if (seen !== undefined && seen !== false) resolve(seen);
        };
        timer = setTimeout(() => reject(new Error(`Waited ${this.#patienceMs} ms for: ${what}`)), this.#patienceMs);
        this.#looks.add(check);
        check();
      });
    } finally {
      clearTimeout(timer);
      this.#looks.delete(check);
    }
  }
}
