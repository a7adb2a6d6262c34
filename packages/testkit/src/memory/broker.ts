import { randomUUID } from 'node:crypto';
import { AsyncMcpError } from '@asyncmcp/core';
import { MemoryFaults } from './faults.js';
import { MemoryQueue } from './queue.js';
import type { BrokerMessage, LeasedMessage, ReceiveOptions } from './queue.js';

export interface MemoryBrokerOptions {
  /** Largest message, attributes included, in bytes. Default 1 MiB, as SQS. */
  readonly maxMessageBytes?: number;
}

/** A message that will never work, and why. */
export interface DeadLetter extends BrokerMessage {
  readonly queue: string;
  readonly reason: string;
}

/**
 * Named queues in this process's memory that behave as the real ones do: at least once, leases, receive counts, delays,
 * dead letters. {@link faults} makes them behave badly.
 */
export class MemoryBroker {
  readonly faults = new MemoryFaults();
  readonly maxMessageBytes: number;
  readonly #queues = new Map<string, MemoryQueue>();
  readonly #held = new Map<string, BrokerMessage[]>();
  readonly #deadLetters: DeadLetter[] = [];

  constructor({ maxMessageBytes = 1_048_576 }: MemoryBrokerOptions = {}) {
    this.maxMessageBytes = maxMessageBytes;
  }

  get deadLetters(): readonly DeadLetter[] {
    return this.#deadLetters;
  }

  /** Makes a queue, or finds the one there is. */
  createQueue(name: string): void {
    if (!this.#queues.has(name)) this.#queues.set(name, new MemoryQueue());
  }

  /** Deletes a queue with all that is in it. */
  deleteQueue(name: string): void {
    this.#queues.get(name)?.delete();
    this.#queues.delete(name);
  }

  hasQueue(name: string): boolean {
    return this.#queues.has(name);
  }

  /** Messages of a queue that are not settled. */
  size(name: string): number {
    return this.#queues.get(name)?.size ?? 0;
  }

  /** @throws AsyncMcpError `ERR_DESTINATION_GONE`, `ERR_MESSAGE_TOO_LARGE`, `ERR_UNAVAILABLE` */
  async send(name: string, message: BrokerMessage): Promise<void> {
    const queue = this.#queue(name);
    this.#checkSize(name, message);
    if (this.faults.take('fail-send', name) !== undefined) {
      throw new AsyncMcpError('ERR_UNAVAILABLE', `Queue ${name} cannot be reached; try again.`);
    }
    const reorder = this.faults.take('reorder', name);
    if (reorder === undefined) this.#push(queue, name, message);
    else this.#hold(queue, name, message, reorder.size);
  }

  /** Waits for messages of a queue; resolves with none when the signal aborts. */
  async receive(name: string, options: ReceiveOptions): Promise<LeasedMessage[]> {
    return this.#queue(name).receive(options);
  }

  async ack(name: string, receipt: string): Promise<boolean> {
    if (this.faults.take('drop-ack', name) !== undefined) return true;
    return this.#queues.get(name)?.ack(receipt) ?? false;
  }

  /** Gives a message back; it is visible again in `delayMs` milliseconds. */
  async release(name: string, receipt: string, delayMs: number): Promise<boolean> {
    return this.#queues.get(name)?.release(receipt, delayMs) ?? false;
  }

  async extend(name: string, receipt: string, leaseMs: number): Promise<boolean> {
    return this.#queues.get(name)?.extend(receipt, leaseMs) ?? false;
  }

  /** Moves a message to the dead letters. */
  async reject(name: string, receipt: string, reason: string): Promise<boolean> {
    const message = this.#queues.get(name)?.remove(receipt);
    if (message === undefined) return false;
    this.#deadLetters.push({ queue: name, body: message.body, attributes: message.attributes, reason });
    return true;
  }

  /** Deletes every queue, which ends every wait. */
  close(): void {
    for (const name of this.#queues.keys()) this.deleteQueue(name);
  }

  #queue(name: string): MemoryQueue {
    const queue = this.#queues.get(name);
    if (queue === undefined) throw new AsyncMcpError('ERR_DESTINATION_GONE', `There is no queue ${name}.`);
    return queue;
  }

  #push(queue: MemoryQueue, name: string, message: BrokerMessage): void {
    const delayMs = this.faults.take('delay', name)?.size ?? 0;
    const id = randomUUID();
    queue.push(message, { id, delayMs });
    if (this.faults.take('duplicate', name) !== undefined) queue.push(message, { id, delayMs });
  }

  #hold(queue: MemoryQueue, name: string, message: BrokerMessage, count: number): void {
    const held = [message, ...(this.#held.get(name) ?? [])];
    this.#held.set(name, held);
    if (held.length < count) return;
    this.#held.delete(name);
    for (const one of held) this.#push(queue, name, one);
  }

  #checkSize(name: string, { body, attributes }: BrokerMessage): void {
    const beside = Object.entries(attributes).map(([key, { DataType, StringValue }]) => key + DataType + StringValue);
    const bytes = Buffer.byteLength(body) + Buffer.byteLength(beside.join(''));
    const limitBytes = this.maxMessageBytes;
    if (bytes <= limitBytes) return;
    const text = `The message is ${bytes} bytes with its attributes, but queue ${name} takes at most ${limitBytes} bytes.`;
    throw new AsyncMcpError('ERR_MESSAGE_TOO_LARGE', text, { details: { bytes, limitBytes } });
  }
}
