/**
 * A map for what comes and goes all the time: calls that run, messages in flight.
 *
 * A `Map` is dear there. V8 rebuilds its table again and again as entries come and go, and each table points to the one after it. Once
 * one has grown old, it keeps all later ones, and everything that was in them, from being collected while it is young, which is
 * when collecting costs next to nothing. The table behind an object has no such pointers.
 */
export class TransientMap<K extends string | number, V> {
  readonly #entries: Record<string, V> = Object.create(null) as Record<string, V>;
  #size = 0;

  /** Entries now in it. */
  get size(): number {
    return this.#size;
  }

  /** The value of a key. */
  get(key: K): V | undefined {
    return this.#entries[nameOf(key)];
  }

  /** Whether there is an entry. */
  has(key: K): boolean {
    return nameOf(key) in this.#entries;
  }

  /** Adds or replaces an entry. */
  set(key: K, value: V): void {
    const name = nameOf(key);
    if (!(name in this.#entries)) this.#size += 1;
    this.#entries[name] = value;
  }

  /** Removes an entry; whether there was one. */
  delete(key: K): boolean {
    const name = nameOf(key);
    if (!(name in this.#entries)) return false;
    this.#size -= 1;
    return delete this.#entries[name];
  }

  /** The values as they are now, in the order in which their keys came; first those of texts that are whole numbers. */
  values(): V[] {
    return Object.values(this.#entries);
  }

  /** Removes all entries. */
  clear(): void {
    for (const name in this.#entries) delete this.#entries[name];
    this.#size = 0;
  }
}

/** 1 is another key than "1". */
function nameOf(key: string | number): string {
  if (typeof key === 'number') return `#${key}`;
  return key.startsWith('#') || key.startsWith('"') ? `"${key}` : key;
}
