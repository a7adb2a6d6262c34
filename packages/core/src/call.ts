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
  readonly #abort = new AbortController();
  #yield!: () => void; // Assigned in the constructor, by the promise's executor.
  #state: 'waiting' | 'running' | 'parked' | 'ended' = 'waiting';
  #openServerRequests = 0;

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

  get parked(): boolean {
    return this.#state === 'parked';
  }

  /** Waits for a slot. Resolves with false when the call ended (was cancelled, say) before it had one. */
  async start(): Promise<boolean> {
    try {
      await this.#slots.acquire(this.#abort.signal);
    } catch {
      return false; // Only end() aborts the waiting.
    }
    if (this.#state === 'ended') {
      this.#slots.release();
      return false;
    }
    this.#state = 'running';
    return true;
  }

  /**
   * The call's server asked the client something. While a call waits for its client it gives its slot back: were every
   * slot held by a call that waits for an answer, the answers could not come in.
   */
  park(): void {
    this.#openServerRequests++;
    if (this.#state !== 'running') return;
    this.#state = 'parked';
    this.#slots.release();
    this.#yield();
  }

  /** The client answered, or the server no longer waits for it. */
  resume(): void {
    this.#openServerRequests--;
    if (this.#state !== 'parked' || this.#openServerRequests > 0) return;
    this.#state = 'running';
    this.#slots.take();
  }

  /** The call is over: answered, cancelled, or given back. */
  end(): void {
    if (this.#state === 'running') this.#slots.release();
    this.#state = 'ended';
    this.#abort.abort();
    this.#yield();
  }
}
