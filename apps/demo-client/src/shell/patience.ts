/** How long something may take until it is given up. What is heard of it gives it the whole time again. */
export class Patience {
  readonly #ms: number;
  readonly #onOver: () => void;
  #timer: NodeJS.Timeout | undefined;
  #isHeld = false;

  constructor(ms: number, onOver: () => void) {
    this.#ms = ms;
    this.#onOver = onOver;
    this.renew();
  }

  renew(): void {
    clearTimeout(this.#timer);
    if (!this.#isHeld) this.#timer = setTimeout(this.#onOver, this.#ms);
  }

  /** Time does not count until it is let go, while it is somebody else who is waited for. */
  hold(held: boolean): void {
    this.#isHeld = held;
    this.renew();
  }

  end(): void {
    this.hold(true);
  }
}
