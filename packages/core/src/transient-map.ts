/**
 * A map for what comes and goes all the time: calls that run, messages in flight.
 *
 * A `Map` is dear there. V8 rebuilds its table again and again as entries come and go, and each table points to the one after it. Once
 * one has grown old, it keeps all later ones, and everything that was in them, from being collected while it is young, which is
 * when collecting costs next to nothing. The table behind an object has no such pointers.
 */
export class TransientMap<K extends string | number, V> {
  /** By whole numbers, for which V8 makes no text, and no entry in its table of texts. */
  readonly #numbered: Record<number, V> = Object.create(null) as Record<number, V>;
  readonly #named: Record<string, V> = Object.create(null) as Record<string, V>;
  #size = 0;

  /** Entries now in it. */
  get size(): number {
    return this.#size;
  }

  /** The value of a key. */
  get(key: K): V | undefined {
    return isIndex(key) ? this.#numbered[key] : this.#named[nameOf(key)];
  }

  /** Whether there is an entry. */
  has(key: K): boolean {
    return isIndex(key) ? key in this.#numbered : nameOf(key) in this.#named;
  }

  /** Adds or replaces an entry. */
  set(key: K, value: V): void {
    if (!this.has(key)) this.#size += 1;
    if (isIndex(key)) this.#numbered[key] = value;
    else this.#named[nameOf(key)] = value;
  }

  /** Removes an entry; whether there was one. */
  delete(key: K): boolean {
    if (!this.has(key)) return false;
    this.#size -= 1;
    return isIndex(key) ? delete this.#numbered[key] : delete this.#named[nameOf(key)];
  }

  /** The values as they are now: first those of whole numbers, in order, then the others, as their keys came. */
  values(): V[] {
    return [...Object.values(this.#numbered), ...Object.values(this.#named)];
  }

  /** Removes all entries. */
  clear(): void {
    for (const name in this.#numbered) delete this.#numbered[name];
    for (const name in this.#named) delete this.#named[name];
    this.#size = 0;
  }
}

/** Whether V8 takes it for the index of an element, as in an array. */
function isIndex(key: string | number): key is number {
  return typeof key === 'number' && key >>> 0 === key && key < 0xffff_ffff;
}

/** -1 is another key than "-1". */
function nameOf(key: string | number): string {
  if (typeof key === 'number') return `#${key}`;
  return key.startsWith('#') || key.startsWith('"') ? `"${key}` : key;
}
