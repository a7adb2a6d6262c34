import { TransientSet } from '@asyncmcp/core';
import { Circuit } from './delivery-circuit.js';
import type { Place } from '@asyncmcp/core';
import type { Health, Pass } from './delivery-circuit.js';
import type { Failure } from './delivery-errors.js';
import type { Outgoing } from './delivery-message.js';
import type { Outbox } from './delivery-outbox.js';
import type { UrlGuard } from './url-guard.js';

/** Most requests at once to one URL, so that one that hangs does not take all connections of an origin it shares. */
const MAX_AT_ONCE = 64;

/** Where requests to a checked URL go. */
export interface Target {
  readonly origin: string;
  readonly path: string;
}

/** Who waits to send. One of the two is called, once. */
export interface Waiter {
  /** When it gives up, in ms since epoch. */
  readonly deadline: number;
  enter(pass: Pass): void;
  /** The endpoint is paused beyond the deadline. */
  expire(): void;
}

/** One webhook URL: how many requests it gets at once, and when it gets none because it is ill. */
export class Endpoint {
  readonly url: string;
  /**
   * What is to be sent there. One for each URL: whoever is told about a session of others at an address of their own does not get into its
   * way.
   */
  readonly outbox: Outbox<Outgoing>;
  /** How many messages and requests hold on to it. Kept by `Endpoints`. */
  users = 0;
  /** What it was found ill by. */
  lastFailure: Failure | undefined;
  readonly #now: () => number;
  readonly #circuit = new Circuit();
  readonly #waiting = new TransientSet<Waiter>();
  #active = 0;
  #timer: NodeJS.Timeout | undefined;
  #target: Target | undefined;
  #checking: Promise<Target> | undefined;

  constructor(url: string, outbox: Outbox<Outgoing>, now: () => number) {
    this.url = url;
    this.outbox = outbox;
    this.#now = now;
  }

  /** Where to send to; undefined before {@link check}. */
  get target(): Target | undefined {
    return this.#target;
  }

  get healthy(): boolean {
    return this.#circuit.healthy;
  }

  /** When its pause is over, in ms since epoch; undefined while it is not paused. */
  get pausedUntil(): number | undefined {
    return this.#circuit.pausedUntil;
  }

  /**
   * Checks the URL, once for all who ask meanwhile.
   *
   * @throws AsyncMcpError `ERR_REPLY_ADDRESS_REFUSED`
   */
  check(guard: UrlGuard): Promise<Target> {
    return (this.#checking ??= this.#check(guard));
  }

  async #check(guard: UrlGuard): Promise<Target> {
    try {
      const { origin, pathname, search } = await guard.check(this.url);
      return (this.#target = { origin, path: pathname + search });
    } finally {
      this.#checking = undefined;
    }
  }

  /** Leave to send at once, if that is possible and nobody waits. */
  tryEnter(): Pass | undefined {
    return this.#waiting.size === 0 ? this.#take() : undefined;
  }

  /** Queues up to send. The result gives up the waiting; it does nothing after that. */
  wait(waiter: Waiter): () => void {
    const place = this.#waiting.add(waiter);
    this.#expireIfLate(place);
    this.#update();
    return () => {
      if (this.#waiting.delete(place)) this.#update();
    };
  }

  /** Takes in what a request told. Each pass is reported once, and then left. */
  report(pass: Pass, health: Health, retryAfterMs: number): void {
    const pausedBefore = this.#circuit.pausedUntil;
    this.#circuit.report(pass, health, retryAfterMs, this.#now());
    if (this.#circuit.pausedUntil !== pausedBefore)
      this.#waiting.places().forEach((place) => this.#expireIfLate(place));
    this.#update();
  }

  /** The request and its response are done with. */
  leave(): void {
    this.#active--;
    this.#update();
  }

  #take(): Pass | undefined {
    if (this.#active >= MAX_AT_ONCE) return undefined;
    const pass = this.#circuit.tryPass(this.#now());
    if (pass !== undefined) this.#active++;
    return pass;
  }

  #expireIfLate(place: Place<Waiter>): void {
    const { value: waiter } = place;
    if (waiter.deadline >= (this.#circuit.pausedUntil ?? 0)) return;
    if (this.#waiting.delete(place)) waiter.expire();
  }

  /** Lets in who may go now, and sees to it that those who wait for the end of a pause are woken. */
  #update(): void {
    for (let place = this.#waiting.first; place !== undefined; place = this.#waiting.first) {
      const pass = this.#take();
      if (pass === undefined) break;
      this.#waiting.delete(place);
      place.value.enter(pass);
    }
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { pausedUntil, probing } = this.#circuit;
    // Where all places are taken it is a leave() that goes on.
    if (this.#waiting.size === 0 || pausedUntil === undefined || probing || this.#active >= MAX_AT_ONCE) return;
    this.#timer = setTimeout(() => this.#endPause(), Math.max(0, pausedUntil - this.#now()));
  }

  #endPause(): void {
    this.#circuit.endPause(this.#now());
    this.#update();
  }
}
