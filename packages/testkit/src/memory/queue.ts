import { randomUUID } from 'node:crypto';
import type { WireAttributes } from '@asyncmcp/core';

/** What travels: text, and text attributes beside it. */
export interface BrokerMessage {
  readonly body: string;
  readonly attributes: WireAttributes;
}

/** A message as a consumer holds it, until its lease runs out. */
export interface LeasedMessage extends BrokerMessage {
  /** The broker's own id of the message; a duplicate has the same one. */
  readonly id: string;
  /** Good for settling this very receipt. */
  readonly receipt: string;
  /** How often the message has been handed out, this time included. */
  readonly attempt: number;
}

export interface ReceiveOptions {
  /** Most messages to take. */
  readonly max: number;
  /** For how long the messages are hidden from others unless extended, in milliseconds. */
  readonly leaseMs: number;
  /** Ends the waiting for messages. */
  readonly signal: AbortSignal;
}

interface StoredMessage extends BrokerMessage {
  readonly id: string;
  attempt: number;
  /** Milliseconds since the epoch. */
  visibleAt: number;
  receipt: string | undefined;
}

/** One queue: at least once, in the order of sending as far as leases and delays let it be. */
export class MemoryQueue {
  readonly #messages = new Set<StoredMessage>();
  readonly #waiting = new Set<() => void>();
  #deleted = false;

  get deleted(): boolean {
    return this.#deleted;
  }

  /** Messages that are not settled: waiting, delayed or leased. */
  get size(): number {
    return this.#messages.size;
  }

  push(message: BrokerMessage, { id = randomUUID(), delayMs = 0 }: { id?: string; delayMs?: number } = {}): void {
    this.#messages.add({ ...message, id, attempt: 0, visibleAt: Date.now() + delayMs, receipt: undefined });
    this.#wake();
  }

  /** Waits for messages. Resolves with none when the signal aborts or the queue is deleted. */
  async receive(options: ReceiveOptions): Promise<LeasedMessage[]> {
    while (!options.signal.aborted && !this.#deleted) {
      const taken = this.#take(options);
      if (taken.length > 0) return taken;
      await this.#changed(options.signal);
    }
    return [];
  }

  /** Forgets a message. Resolves with false where the lease was lost. */
  ack(receipt: string): boolean {
    const message = this.#leased(receipt);
    return message !== undefined && this.#messages.delete(message);
  }

  /** Makes a message visible again in `delayMs` milliseconds. */
  release(receipt: string, delayMs: number): boolean {
    const message = this.#leased(receipt);
    if (message === undefined) return false;
    message.receipt = undefined;
    message.visibleAt = Date.now() + delayMs;
    this.#wake();
    return true;
  }

  /** Renews a lease. False where it was lost. */
  extend(receipt: string, leaseMs: number): boolean {
    const message = this.#leased(receipt);
    if (message === undefined) return false;
    message.visibleAt = Date.now() + leaseMs;
    return true;
  }

  /** Takes a message out of the queue, for the dead letters. */
  remove(receipt: string): BrokerMessage | undefined {
    const message = this.#leased(receipt);
    if (message !== undefined) this.#messages.delete(message);
    return message;
  }

  delete(): void {
    this.#deleted = true;
    this.#messages.clear();
    this.#wake();
  }

  #take({ max, leaseMs }: ReceiveOptions): LeasedMessage[] {
    const now = Date.now();
    const taken: LeasedMessage[] = [];
    for (const message of this.#messages) {
      if (taken.length >= max) break;
      if (message.visibleAt > now) continue;
      const receipt = randomUUID();
      message.receipt = receipt;
      message.attempt++;
      message.visibleAt = now + leaseMs;
      const { id, body, attributes, attempt } = message;
      taken.push({ id, body, attributes, attempt, receipt });
    }
    return taken;
  }

  /** Resolves at the next change, or when a delay or lease runs out. */
  async #changed(signal: AbortSignal): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    let wake: () => void = () => {};
    await new Promise<void>((resolve) => {
      wake = resolve;
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
      const nextVisibleAt = Math.min(...[...this.#messages].map((message) => message.visibleAt));
      if (Number.isFinite(nextVisibleAt)) timer = setTimeout(wake, Math.max(1, nextVisibleAt - Date.now()));
    });
    clearTimeout(timer);
    this.#waiting.delete(wake);
    signal.removeEventListener('abort', wake);
  }

  #leased(receipt: string): StoredMessage | undefined {
    for (const message of this.#messages) if (message.receipt === receipt) return message;
    return undefined;
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }
}
