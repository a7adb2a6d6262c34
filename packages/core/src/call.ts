import type { JSONRPCRequest } from '@modelcontextprotocol/sdk/types.js';
import type { Flight } from './flight.js';
import type { Slots } from './slots.js';

/** One client request on its way through the user's server, and the concurrency slot it may hold. */
export class Call {
  readonly request: JSONRPCRequest;
  readonly flight: Flight;
  /** Resolves when the call no longer takes up room: it has ended, or it waits for the client. */
  readonly yielded: Promise<void>;
  readonly #slots: Slots;
  #yield!: () => void; // Assigned in the constructor, by the promise's executor.
  #state: 'waiting' | 'running' | 'parked' | 'answered' | 'ended' = 'waiting';
  #openServerRequests = 0;
  #certainServerRequests = 0;
  #giveUpWaiting: (() => void) | undefined;

  constructor(request: JSONRPCRequest, flight: Flight, slots: Slots) {
    this.request = request;
    this.flight = flight;
    this.#slots = slots;
    this.yielded = new Promise((resolve) => {
      this.#yield = resolve;
    });
  }

  /** Whether it was handed to the server and has not ended. */
  get started(): boolean {
    return this.#state === 'running' || this.#state === 'parked';
  }

  get running(): boolean {
    return this.#state === 'running';
  }

  /** Whether it waits for its client for certain, and so cannot end before an answer comes in. */
  get parked(): boolean {
    return this.#state === 'parked' && this.#certainServerRequests > 0;
  }

  /** Takes a slot if there is one; the usual case. */
  startAtOnce(): boolean {
    if (!this.#slots.tryTake()) return false;
    this.#state = 'running';
    return true;
  }

  /** Waits for a slot. Resolves with false when the call ended (was cancelled, say) before it had one. */
  start(): Promise<boolean> {
    return new Promise((resolve) => {
      const giveUp = this.#slots.wait(() => {
        this.#state = 'running';
        resolve(true);
      });
      this.#giveUpWaiting = () => {
        giveUp();
        resolve(false);
      };
    });
  }

  /**
   * The call's server asked the client something. While a call waits for its client it gives its slot back: were every
   * slot held by a call that waits for an answer, the answers could not come in. The result ends this waiting.
   *
   * @param certain - whether the request named this call, or it was only taken for the one that asked
   */
  park(certain: boolean): () => void {
    this.#openServerRequests++;
    if (certain) this.#certainServerRequests++;
    if (this.#state === 'running') {
      this.#state = 'parked';
      this.#slots.release();
      this.#yield();
    }
    return () => this.#resume(certain);
  }

  /** The client answered, or the server no longer waits for it. */
  #resume(certain: boolean): void {
    this.#openServerRequests--;
    if (certain) this.#certainServerRequests--;
    if (this.#state !== 'parked' || this.#openServerRequests > 0) return;
    this.#state = 'running';
    this.#slots.take();
  }

  /** Its server has answered. Until the answer is delivered the call takes up room, but it no longer runs. */
  answered(): void {
    if (this.#state === 'running') this.#slots.release();
    this.#state = 'answered';
  }

  /** The call is over: its answer is delivered, or it was cancelled or given back. */
  end(): void {
    if (this.#state === 'running') this.#slots.release();
    if (this.#state === 'waiting') this.#giveUpWaiting?.();
    this.#state = 'ended';
    this.#yield();
  }
}
