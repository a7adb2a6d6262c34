import { Endpoint } from './delivery-endpoint.js';

/** How long an ill endpoint that nobody sends to is remembered after its pause, in milliseconds. */
const REMEMBERED_FOR_MS = 300_000;

/** Most ill endpoints that are remembered: their URLs are strangers'. */
const MAX_REMEMBERED = 10_000;

/** The endpoints in use, and those that were ill when they were used last. */
export class Endpoints {
  readonly #now: () => number;
  readonly #onIdle: () => void;
  readonly #known = new Map<string, Endpoint>();
  /** Until when those are remembered that nobody uses, in ms since epoch. */
  readonly #resting = new Map<Endpoint, number>();
  #users = 0;

  /** @param onIdle - called whenever the last one lets go of the last endpoint */
  constructor(now: () => number, onIdle: () => void) {
    this.#now = now;
    this.#onIdle = onIdle;
  }

  /** Endpoints in memory. */
  get size(): number {
    return this.#known.size;
  }

  /** Whether nobody holds on to any. */
  get idle(): boolean {
    return this.#users === 0;
  }

  /** The endpoint of a URL, held on to. */
  acquire(url: string): Endpoint {
    if (this.#resting.size > 0) this.#forget();
    let endpoint = this.#known.get(url);
    if (endpoint === undefined) this.#known.set(url, (endpoint = new Endpoint(url, this.#now)));
    else this.#resting.delete(endpoint);
    this.hold(endpoint);
    return endpoint;
  }

  hold(endpoint: Endpoint): void {
    endpoint.users++;
    this.#users++;
  }

  release(endpoint: Endpoint): void {
    this.#users--;
    if (--endpoint.users === 0) this.#rest(endpoint);
    if (this.#users === 0) this.#onIdle();
  }

  #rest(endpoint: Endpoint): void {
    if (endpoint.healthy) return void this.#known.delete(endpoint.url);
    const now = this.#now();
    this.#resting.set(endpoint, Math.max(now, endpoint.pausedUntil ?? now) + REMEMBERED_FOR_MS);
    if (this.#resting.size > MAX_REMEMBERED) this.#forget();
  }

  /** Lets go of the eldest: all whose time is over, and what is too many. */
  #forget(): void {
    const now = this.#now();
    for (const [endpoint, until] of this.#resting) {
      if (until >= now && this.#resting.size <= MAX_REMEMBERED) return;
      this.#resting.delete(endpoint);
      this.#known.delete(endpoint.url);
    }
  }
}
