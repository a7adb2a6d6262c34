import { Endpoint } from './delivery-endpoint.js';
import { Outbox } from './delivery-outbox.js';
import type { Outgoing } from './delivery-message.js';
import type { OutboxOptions } from './delivery-outbox.js';

export interface EndpointsOptions {
  /** How each of them keeps what is to be sent to it. */
  readonly outbox: OutboxOptions<Outgoing>;
  /** The clock, in ms since epoch. */
  readonly now: () => number;
  /** Called whenever the last one lets go of the last endpoint. */
  readonly onIdle: () => void;
}

/** How long an ill endpoint that nobody sends to is remembered after its pause, in milliseconds. */
const REMEMBERED_FOR_MS = 300_000;

/** Most ill endpoints that are remembered: their URLs are strangers'. */
const MAX_REMEMBERED = 10_000;

/** The endpoints in use, and those that were ill when they were used last. */
export class Endpoints {
  readonly #options: EndpointsOptions;
  readonly #known = new Map<string, Endpoint>();
  /** Until when those are remembered that nobody uses, in ms since epoch. */
  readonly #resting = new Map<Endpoint, number>();
  #users = 0;

  constructor(options: EndpointsOptions) {
    this.#options = options;
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
    if (endpoint === undefined) this.#known.set(url, (endpoint = this.#make(url)));
    else this.#resting.delete(endpoint);
    this.hold(endpoint);
    return endpoint;
  }

  /** What is to be sent, in no order. */
  get messages(): readonly Outgoing[] {
    return [...this.#known.values()].flatMap(({ outbox }) => outbox.all());
  }

  hold(endpoint: Endpoint): void {
    endpoint.users++;
    this.#users++;
  }

  release(endpoint: Endpoint): void {
    this.#users--;
    if (--endpoint.users === 0) this.#rest(endpoint);
    if (this.#users === 0) this.#options.onIdle();
  }

  #make(url: string): Endpoint {
    const { outbox, now } = this.#options;
    return new Endpoint(url, new Outbox(outbox), now);
  }

  #rest(endpoint: Endpoint): void {
    if (endpoint.healthy) return void this.#known.delete(endpoint.url);
    const now = this.#options.now();
    this.#resting.set(endpoint, Math.max(now, endpoint.pausedUntil ?? now) + REMEMBERED_FOR_MS);
    if (this.#resting.size > MAX_REMEMBERED) this.#forget();
  }

  /** Lets go of the eldest: all whose time is over, and what is too many. */
  #forget(): void {
    const now = this.#options.now();
    for (const [endpoint, until] of this.#resting) {
      if (until >= now && this.#resting.size <= MAX_REMEMBERED) return;
      this.#resting.delete(endpoint);
      this.#known.delete(endpoint.url);
    }
  }
}
