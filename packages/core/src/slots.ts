import { TransientSet } from './transient-set.js';

/** A counting semaphore, first come first served. */
export class Slots {
  readonly #limit: number;
  readonly #waiting = new TransientSet<() => void>();
  #taken = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Slots taken now; above the limit only where {@link take} was used. */
  get taken(): number {
    return this.#taken;
  }

  /** Takes a slot if there is one and nobody waits for it. */
  tryTake(): boolean {
    if (this.#taken >= this.#limit || this.#waiting.size > 0) return false;
    this.#taken++;
    return true;
  }

  /** Calls `granted` once a slot is the caller's. The result gives up the waiting; it does nothing after that. */
  wait(granted: () => void): () => void {
    const place = this.#waiting.add(granted);
    this.#grant();
    return () => this.#waiting.delete(place);
  }

  /** Takes a slot without waiting, even above the limit: for work that had one and goes on. */
  take(): void {
    this.#taken++;
  }

  release(): void {
    this.#taken--;
    this.#grant();
  }

  #grant(): void {
    for (let place = this.#waiting.first; place !== undefined; place = this.#waiting.first) {
      if (this.#taken >= this.#limit) return;
      this.#waiting.delete(place);
      this.#taken++;
      place.value();
    }
  }
}
