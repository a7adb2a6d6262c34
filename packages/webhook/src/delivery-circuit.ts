/** Leave to send one request. A `probe` is the one request that finds out whether an endpoint is well again. */
export type Pass = 'free' | 'probe';

/** What a request told of its endpoint; `unknown` where it never got there. */
export type Health = 'well' | 'ill' | 'unknown';

/** So many failures in a row pause an endpoint. */
const MAX_FAILURES = 5;

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;

/**
 * The circuit breaker of one endpoint. Closed, it lets everything pass. After five failures in a row it opens for a pause; after that
 * one probe passes, and what becomes of it closes the circuit or opens it for twice as long.
 */
export class Circuit {
  #failures = 0;
  #pauses = 0;
  #pausedUntil: number | undefined;
  #probing = false;

  /** When the pause is over, in ms since epoch; undefined while the circuit is closed. */
  get pausedUntil(): number | undefined {
    return this.#pausedUntil;
  }

  /** Whether a probe is under way, so that it is known soon how the endpoint is. */
  get probing(): boolean {
    return this.#probing;
  }

  /** Whether there is nothing to remember. */
  get healthy(): boolean {
    return this.#failures === 0 && this.#pausedUntil === undefined;
  }

  tryPass(now: number): Pass | undefined {
    if (this.#pausedUntil === undefined) return 'free';
    if (this.#probing || now < this.#pausedUntil) return undefined;
    this.#probing = true;
    return 'probe';
  }

  /** The pause is over by the timer that waited for it, whatever the clock says. */
  endPause(now: number): void {
    if (this.#pausedUntil !== undefined) this.#pausedUntil = Math.min(this.#pausedUntil, now);
  }

  /**
   * Takes in what a request told. While the circuit is open only a probe decides: what was sent before it opened is no news,
   * but a wait that is asked for is respected.
   */
  report(pass: Pass, health: Health, retryAfterMs: number, now: number): void {
    if (pass === 'probe') this.#probing = false;
    const decides = pass === 'probe' || this.#pausedUntil === undefined;
    if (health === 'well' && decides) this.#close();
    if (health !== 'ill') return;
    if (!decides) this.#pausedUntil = Math.max(this.#pausedUntil ?? 0, now + retryAfterMs);
    else if (++this.#failures >= MAX_FAILURES) {
      const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.#pauses++, 10));
      this.#pausedUntil = now + Math.max(pauseMs, retryAfterMs);
    }
  }

  #close(): void {
    this.#failures = 0;
    this.#pauses = 0;
    this.#pausedUntil = undefined;
  }
}
