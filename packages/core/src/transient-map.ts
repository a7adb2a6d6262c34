/**
 * A map for what comes and goes all the time: calls that run, messages in flight.
 *
 * A plain `Map` is dear there. V8 rebuilds its table again and again as entries come and go, and each table points to the one after it. Once
 * one has grown old, it keeps all later ones, and everything that was in them, from being collected while it is young, which is
 * when collecting costs next to nothing. Here the whole map is made anew before it can grow old: after as many entries have gone as are
 * left, so that each that goes costs at most one copy. (A count that is the same for all maps would be too high for some: that of one session
 * among many may see few calls in the time in which things grow old.) A single entry, all that most sessions ever have, needs no table.
 *
 * For the same reason whatever is made for every message, and leads to the rest of its call, is of a class. V8 watches what object and array
 * literals make: once a hundred or more of one literal were alive at a collection, as when many clients connect at the same moment, it makes
 * all later ones among what is old, and each keeps its call. Instances of classes it does not watch (V8 11.3, of Node 20;
 * `--trace-pretenuring-statistics` shows it).
 */
export class TransientMap<K, V> {
  /** The only entry, while there is no table. */
  #single: Entry<K, V> | undefined;
  #table: Map<K, V> | undefined;
  #gone = 0;

  /** Entries now in it. */
  get size(): number {
    if (this.#table !== undefined) return this.#table.size;
    return this.#single === undefined ? 0 : 1;
  }

  /** The value of a key. */
  get(key: K): V | undefined {
    if (this.#table !== undefined) return this.#table.get(key);
    return this.#single?.isOf(key) === true ? this.#single.value : undefined;
  }

  /** Whether there is an entry. */
  has(key: K): boolean {
    return this.#table === undefined ? this.#single?.isOf(key) === true : this.#table.has(key);
  }

  /** Adds or replaces an entry. */
  set(key: K, value: V): void {
    if (this.#table !== undefined) this.#table.set(key, value);
    else if (this.#single === undefined || this.#single.isOf(key)) this.#single = new Entry(key, value);
    else {
      this.#table = new Map([[this.#single.key, this.#single.value]]).set(key, value);
      this.#single = undefined;
    }
  }

  /** Removes an entry; whether there was one. */
  delete(key: K): boolean {
    if (this.#table === undefined) {
      if (this.#single?.isOf(key) !== true) return false;
      this.#single = undefined;
      return true;
    }
    if (!this.#table.delete(key)) return false;
    if (++this.#gone > this.#table.size) this.#renew(this.#table);
    return true;
  }

  /** The values as they are now, in the order in which their keys came. */
  values(): V[] {
    if (this.#table !== undefined) return [...this.#table.values()];
    return this.#single === undefined ? [] : [this.#single.value];
  }

  /** Removes all entries. */
  clear(): void {
    this.#gone = 0;
    this.#single = undefined;
    this.#table = undefined;
  }

  /** Keeps the entries that are left in a table of their own, or in none. */
  #renew(left: Map<K, V>): void {
    this.clear();
    if (left.size > 1) this.#table = new Map(left);
    else for (const [key, value] of left) this.#single = new Entry(key, value);
  }
}

class Entry<K, V> {
  readonly key: K;
  readonly value: V;

  constructor(key: K, value: V) {
    this.key = key;
    this.value = value;
  }

  /** As a Map compares keys: NaN is itself, 0 and -0 are one. */
  isOf(key: K): boolean {
    return this.key === key || (Number.isNaN(key) && Number.isNaN(this.key));
  }
}
