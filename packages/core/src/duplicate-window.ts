export interface DuplicateWindowOptions {
  /** Most entries kept. */
  readonly maxEntries: number;
  /** How long an entry is kept, in milliseconds. */
  readonly ttlMs: number;
  /** Most weight kept in all, in whatever unit `add` is given (bytes, say). Default: unlimited. */
  readonly maxWeight?: number;
}

interface Entry<V> {
  readonly value: V;
  readonly weight: number;
  readonly expiresAt: number;
}

/**
 * Remembers the newest keys for a bounded time, count and weight: enough to recognise the duplicates that an
 * at-least-once queue or a retrying peer makes. Needs no timer: the oldest entries are dropped as new ones come.
 */
export class DuplicateWindow<V> {
  readonly #entries = new Map<string, Entry<V>>();
  readonly #options: DuplicateWindowOptions;
  #inOrder = this.#entries.entries();
  #first: [string, Entry<V>] | undefined;
  #weight = 0;

  constructor(options: DuplicateWindowOptions) {
    this.#options = options;
  }

  /** Entries now kept, including some that have expired but were not dropped yet. */
  get size(): number {
    return this.#entries.size;
  }

  /** The value added for `key`, if it is still in the window. */
  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.expiresAt > Date.now()) return entry.value;
    this.delete(key);
    return undefined;
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  /** Adds or replaces an entry and drops what no longer fits. An entry heavier than the whole window is not kept. */
  add(key: string, value: V, weight = 0): void {
    const { maxEntries, ttlMs, maxWeight = Infinity } = this.#options;
    this.delete(key);
    if (weight > maxWeight) return;
    this.#entries.set(key, { value, weight, expiresAt: Date.now() + ttlMs });
    this.#weight += weight;
    // All entries live equally long: the oldest go first.
    for (let oldest = this.#oldest(); oldest !== undefined; oldest = this.#oldest()) {
      const [oldestKey, entry] = oldest;
      const fits = this.#entries.size <= maxEntries && this.#weight <= maxWeight && entry.expiresAt > Date.now();
      if (fits) return;
      this.delete(oldestKey);
    }
  }

  /**
   * The entry added before all others. A Map iterates in order of insertion, but an iteration begun anew steps over
   * everything deleted since the Map was last rehashed: thousands of entries for each one dropped. So one iterator goes on.
   */
  #oldest(): [string, Entry<V>] | undefined {
    while (this.#first === undefined && this.#entries.size > 0) {
      const { value, done } = this.#inOrder.next();
      if (done === true) this.#inOrder = this.#entries.entries();
      else this.#first = value;
    }
    return this.#first;
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#weight -= entry.weight;
    if (this.#first?.[0] === key) this.#first = undefined;
  }
}
