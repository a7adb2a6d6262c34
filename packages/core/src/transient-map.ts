/**
 * A map for what comes and goes all the time: calls that run, messages in flight.
 *
 * A plain `Map` is dear there. V8 rebuilds its table again and again as entries come and go, and each table points to the one after it. Once
 * one has grown old, it keeps all later ones, and everything that was in them, from being collected while it is young, which is
 * when collecting costs next to nothing. Here the whole map is made anew before it can grow old: after as many entries have gone as are
 * left, so that each that goes costs at most one copy. (A count that is the same for all maps would be too high for some: that of one session
 * among many may see few calls in the time in which things grow old.)
 *
 * For the same reason whatever is made for every message, and leads to the rest of its call, is of a class. V8 watches what object and array
 * literals make: once a hundred or more of one literal were alive at a collection, as when many clients connect at the same moment, it makes
 * all later ones among what is old, and each keeps its call. Instances of classes it does not watch (V8 11.3, of Node 20;
 * `--trace-pretenuring-statistics` shows it).
 */
export class TransientMap<K, V> {
  #entries = new Map<K, V>();
  #gone = 0;

  /** Entries now in it. */
  get size(): number {
    return this.#entries.size;
  }

  /** The value of a key. */
  get(key: K): V | undefined {
    return this.#entries.get(key);
  }

  /** Whether there is an entry. */
  has(key: K): boolean {
    return this.#entries.has(key);
  }

  /** Adds or replaces an entry. */
  set(key: K, value: V): void {
    this.#entries.set(key, value);
  }

  /** Removes an entry; whether there was one. */
  delete(key: K): boolean {
    if (!this.#entries.delete(key)) return false;
    if (++this.#gone > this.#entries.size) this.#renew(this.#entries);
    return true;
  }

  /** The values as they are now, in the order in which their keys came. */
  values(): V[] {
    return [...this.#entries.values()];
  }

  /** Removes all entries. */
  clear(): void {
    this.#renew([]);
  }

  #renew(entries: Iterable<readonly [K, V]>): void {
    this.#entries = new Map(entries);
    this.#gone = 0;
  }
}
