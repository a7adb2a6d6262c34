/** Options of {@link DuplicateWindow}. */
export interface DuplicateWindowOptions<V = unknown> {
  /** Most entries kept, two or more; the newest half of as many are kept at least. */
  readonly maxEntries: number;
  /** How long an entry is kept at most, in milliseconds; unless the window is full it is kept for half of that at least. */
  readonly ttlMs: number;
  /** Most weight kept in all, in whatever unit `add` is given (bytes, say). Default: unlimited. */
  readonly maxWeight?: number;
  /** Whether a value must not be dropped for its age or to make room, for as long as this says so. Default: none. */
  readonly keeps?: ((value: V) => boolean) | undefined;
}

/** What was added in one half of the window. A key may be in both: the newer entry is the one that counts. */
interface Generation<K, V> {
  readonly entries: Map<K, V>;
  readonly since: number;
  weight: number;
  /** How many were added. Those that came from a generation which was dropped, because they must be kept, take no room from others. */
  added: number;
}

/**
 * Remembers the newest keys for a bounded time, count and weight: enough to recognise the duplicates that an
 * at-least-once queue or a retrying peer makes.
 *
 * Entries are dropped by the generation, half a window at a time: an expiry time and a deletion for each would cost every
 * message several times as much, most of it in the garbage collector. Needs no timer.
 */
export class DuplicateWindow<V, K = string> {
  readonly #options: Required<DuplicateWindowOptions<V>>;
  #current: Generation<K, V> = newGeneration();
  #previous: Generation<K, V> = newGeneration();

  /** An empty window. */
  constructor({ maxEntries, ttlMs, maxWeight = Infinity, keeps }: DuplicateWindowOptions<V>) {
    this.#options = { maxEntries, ttlMs, maxWeight, keeps };
  }

  /** Entries now kept, those among them that were replaced. */
  get size(): number {
    this.#age();
    return this.#current.entries.size + this.#previous.entries.size;
  }

  /** The value added for `key`, if it is still in the window. */
  get(key: K): V | undefined {
    this.#age();
    const value = this.#current.entries.get(key);
    return value === undefined && this.#previous.entries.size > 0 ? this.#previous.entries.get(key) : value;
  }

  /** Whether `key` is still in the window. */
  has(key: K): boolean {
    return this.get(key) !== undefined;
  }

  /**
   * Adds or replaces an entry and drops what no longer fits. An entry heavier than the whole window is not kept.
   *
   * @returns whether it is kept
   */
  add(key: K, value: V, weight = 0): boolean {
    const { maxEntries, maxWeight } = this.#options;
    if (weight > maxWeight) {
      this.delete(key);
      return false;
    }
    this.#age();
    const { added, weight: weightBefore, entries } = this.#current;
    const full = added + 1 > maxEntries / 2 || weightBefore + weight > maxWeight / 2;
    if (full && entries.size > 0) this.#turn();
    const current = this.#current;
    const sizeBefore = current.entries.size;
    current.entries.set(key, value);
    current.added += current.entries.size - sizeBefore;
    current.weight += weight;
    if (current.weight + this.#previous.weight > maxWeight) this.#dropPrevious(newGeneration());
    return true;
  }

  /** As {@link add}, for what is in the window already: it is kept for as long as if it came now. */
  renew(key: K, value: V, weight = 0): void {
    this.#age();
    if (!this.#current.entries.has(key)) this.add(key, value, weight);
  }

  /** Forgets `key`; nothing happens when it is not there. */
  delete(key: K): void {
    // What it weighed is still counted until its generation goes: too much is on the safe side.
    const current = this.#current;
    if (current.entries.delete(key)) current.added = Math.max(0, current.added - 1);
    this.#previous.entries.delete(key);
  }

  /** Drops what is too old. */
  #age(): void {
    const now = Date.now();
    if (now - this.#current.since >= this.#options.ttlMs / 2) this.#turn();
    if (now - this.#previous.since >= this.#options.ttlMs) this.#dropPrevious(newGeneration());
  }

  #turn(): void {
    const ended = this.#current;
    this.#current = newGeneration();
    this.#dropPrevious(ended);
  }

  #dropPrevious(successor: Generation<K, V>): void {
    const { entries } = this.#previous;
    this.#previous = successor;
    const { keeps } = this.#options;
    if (keeps === undefined) return;
    for (const [key, value] of entries) {
      // What was replaced meanwhile is not what is kept.
      if (keeps(value) && !successor.entries.has(key) && !this.#current.entries.has(key)) {
        this.#current.entries.set(key, value);
      }
    }
  }
}

function newGeneration<K, V>(): Generation<K, V> {
  return { entries: new Map<K, V>(), since: Date.now(), weight: 0, added: 0 };
}
