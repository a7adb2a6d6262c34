/** How often things with a name have happened: `calls.of('ReceiveMessage')`. */
export interface Counts<Name extends string = string> {
  of(name: Name): number;
  readonly total: number;
  /** All counts as they are now; what never happened is not in it. */
  all(): Partial<Record<Name, number>>;
  /** Starts again at 0. */
  reset(): void;
}

export class Counter<Name extends string = string> implements Counts<Name> {
  readonly #counts = new Map<Name, number>();

  get total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }

  add(name: Name, times = 1): void {
    this.#counts.set(name, this.of(name) + times);
  }

  of(name: Name): number {
    return this.#counts.get(name) ?? 0;
  }

  all(): Partial<Record<Name, number>> {
    return Object.fromEntries(this.#counts) as Partial<Record<Name, number>>;
  }

  reset(): void {
    this.#counts.clear();
  }
}
