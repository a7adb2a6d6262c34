import { createDelivery, decodeEnvelope, toAsyncMcpError } from '@asyncmcp/core';
import type { AsyncMcpError, Delivery, Settlement } from '@asyncmcp/core';
import type { MemoryBroker } from './broker.js';
import type { LeasedMessage } from './queue.js';

export interface MemoryConsumerOptions {
  readonly broker: MemoryBroker;
  readonly queue: string;
  /** Takes one delivery. Until its promise resolves, the message takes up room. */
  readonly handle: (delivery: Delivery) => Promise<void>;
  /** Most deliveries being handled at a time. At the limit nothing is received. */
  readonly limit: number;
  /** For how long a received message is hidden from others; renewed at a third of it until settled. In milliseconds. */
  readonly leaseMs: number;
  readonly onerror: (error: AsyncMcpError) => void;
}

/** Most messages taken at once, as on SQS. */
const MAX_BATCH = 10;

/** Receives from one queue, in one loop; what it holds stays leased until it is settled. */
export class MemoryConsumer {
  readonly #options: MemoryConsumerOptions;
  readonly #stopping = new AbortController();
  readonly #held = new Set<LeasedMessage>();
  #handling = 0;
  #onRoom: () => void = () => {};
  #loop: Promise<void> = Promise.resolve();
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(options: MemoryConsumerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#heartbeat = setInterval(() => void this.#extendAll(), this.#options.leaseMs / 3);
    this.#loop = this.#run();
  }

  /** Ends the waiting for messages at once. What is held stays leased and can still be settled. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#onRoom();
    await this.#loop;
  }

  /** Stops; what is not settled comes back when its lease runs out. */
  async close(): Promise<void> {
    await this.stop();
    clearInterval(this.#heartbeat);
  }

  async #run(): Promise<void> {
    const { broker, queue, leaseMs, limit, onerror } = this.#options;
    const { signal } = this.#stopping;
    try {
      while (!signal.aborted && broker.hasQueue(queue)) {
        const max = Math.min(MAX_BATCH, limit - this.#handling);
        if (max <= 0) await this.#room();
        else for (const message of await broker.receive(queue, { max, leaseMs, signal })) void this.#handOut(message);
      }
    } catch (error) {
      onerror(toAsyncMcpError(error, 'ERR_INTERNAL', `Receiving from ${queue} failed`));
    }
  }

  async #room(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#onRoom = resolve;
    });
  }

  async #handOut(message: LeasedMessage): Promise<void> {
    this.#held.add(message);
    this.#handling++;
    try {
      await this.#options.handle(this.#delivery(message));
    } catch (error) {
      this.#options.onerror(toAsyncMcpError(error, 'ERR_INTERNAL', 'Handling a message failed'));
    }
    this.#handling--;
    this.#onRoom();
  }

  #delivery(message: LeasedMessage): Delivery {
    const { body, attributes, id, attempt } = message;
    const values = Object.fromEntries(Object.entries(attributes).map(([name, { StringValue }]) => [name, StringValue]));
    return createDelivery(decodeEnvelope(body, values, id), attempt, this.#settlement(message));
  }

  #settlement(message: LeasedMessage): Settlement {
    const { broker, queue } = this.#options;
    const settle = async (how: () => Promise<boolean>): Promise<void> => {
      this.#held.delete(message);
      await how();
    };
    return {
      ack: () => settle(() => broker.ack(queue, message.receipt)),
      retry: (delayMs = 0) => settle(() => broker.release(queue, message.receipt, delayMs)),
      reject: (reason) => settle(() => broker.reject(queue, message.receipt, reason)),
    };
  }

  async #extendAll(): Promise<void> {
    const { broker, queue, leaseMs } = this.#options;
    for (const { receipt } of this.#held) await broker.extend(queue, receipt, leaseMs);
  }
}
