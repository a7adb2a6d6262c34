import { AsyncMcpError, backoffDelay, knownOptions, loggerOption, silentLogger } from '@asyncmcp/core';
import { sqsClientOption, timingOptions } from './common-options.js';
import { createSqsConsumer } from './consumer.js';
import { createDeadLetter } from './dead-letter.js';
import { queueUrlOption } from './queue-address.js';
import { createQueueLimits } from './queue-limits.js';
import { createSqsSender } from './sender.js';
import type { ClientWireEvents, Delivery, Logger } from '@asyncmcp/core';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { SqsConsumer } from './consumer.js';
import type { QueueLimits } from './queue-limits.js';

/** Options of {@link SqsResponseReceiver}. */
export interface SqsResponseReceiverOptions {
  /** The AWS client, with its region, credentials and endpoint. The receiver does not destroy it. */
  readonly sqs: SQSClient;
  /** The queue that servers reply to. */
  readonly responseQueueUrl: string;
  /** Longest long poll, in seconds, 1 to 20 (the limit of SQS). Default 20. */
  readonly waitTimeSeconds?: number | undefined;
  /** For how long, in seconds, a received message is invisible to others, 2 to 43,200. Default 30. */
  readonly visibilityTimeoutSeconds?: number | undefined;
  /** pino-compatible. Default: silent. */
  readonly logger?: Logger | undefined;
}

const OPTION_NAMES = ['sqs', 'responseQueueUrl', 'waitTimeSeconds', 'visibilityTimeoutSeconds', 'logger'];

/** How a client uses a receiver. */
export interface AttachOptions {
  /**
   * Whether the queue is subscribed to a topic. Then a message that names no client, and that none here claims, is thrown away:
   * other queues have copies of their own. One that names a client is handed on all the same, because another process may
   * share the queue. Default false.
   */
  readonly copies?: boolean | undefined;
}

/** Replies being taken in at once. Each is handed to the SDK and done: there is nothing to wait for. */
const LIMIT = 100;
/** A reply that no client here claims is handed on at once this often: another process may share the queue. */
const QUICK_ATTEMPTS = 3;
/** After this many receives nobody is going to claim it. */
const MAX_ATTEMPTS = 20;

/**
 * Receives the replies for any number of client transports of one process, with one poller. A transport that is given a
 * queue makes a receiver of its own; give several transports one receiver to let them share a queue.
 *
 * It polls while at least one transport uses it.
 */
export class SqsResponseReceiver {
  /** The queue that replies come to. */
  readonly responseQueueUrl: string;
  readonly #clients = new Map<ClientWireEvents, AttachOptions>();
  readonly #limits: QueueLimits;
  readonly #createConsumer: () => SqsConsumer;
  #consumer: SqsConsumer | undefined;
  /** The last change of what is polled: changes come one after the other. */
  #changed: Promise<void> = Promise.resolve();

  /** @throws AsyncMcpError `ERR_INVALID_OPTION` */
  constructor(options: SqsResponseReceiverOptions) {
    knownOptions('SqsResponseReceiver', options, OPTION_NAMES);
    const sqs = sqsClientOption(options.sqs);
    const logger = loggerOption(options.logger, silentLogger);
    const timing = timingOptions(options);
    const queueUrl = queueUrlOption('responseQueueUrl', options.responseQueueUrl);
    this.responseQueueUrl = queueUrl;
    const limits = createQueueLimits(sqs, logger);
    this.#limits = limits;
    this.#createConsumer = () => {
      const sender = createSqsSender({ sqs, limits, logger, messageAttributes: {}, controlGroup: false });
      const deadLetter = createDeadLetter({ sqs, sender, limits, queueUrl, logger });
      const onerror = (error: AsyncMcpError): void => this.#report(error);
      return createSqsConsumer({
        sqs,
        queueUrl,
        ...timing,
        logger,
        onerror,
        deadLetter,
        limit: LIMIT,
        handle: (delivery) => this.#route(delivery),
      });
    };
  }

  /**
   * Hands replies to a client from now on. Client transports call it when they start.
   *
   * @throws AsyncMcpError `ERR_DESTINATION_GONE` when there is no such queue, `ERR_UNAVAILABLE`
   */
  async attach(client: ClientWireEvents, options: AttachOptions = {}): Promise<void> {
    await this.#limits.get(this.responseQueueUrl);
    this.#clients.set(client, options);
    this.#update();
  }

  /** Stops handing replies to a client; resolves when the receiver no longer polls for it. Client transports call it when they close. */
  async detach(client: ClientWireEvents): Promise<void> {
    this.#clients.delete(client);
    this.#update();
    await this.#changed;
  }

  #update(): void {
    this.#changed = this.#changed.then(async () => {
      const wanted = this.#clients.size > 0;
      if (wanted && this.#consumer === undefined) {
        this.#consumer = this.#createConsumer();
        this.#consumer.start();
      } else if (!wanted) {
        const consumer = this.#consumer;
        this.#consumer = undefined;
        await consumer?.close();
      }
    });
  }

  #route(delivery: Delivery): Promise<void> {
    if (delivery.envelope.broadcast === true) return this.#toAll(delivery);
    for (const client of this.#clients.keys()) {
      if (client.accepts(delivery.envelope)) return client.receive(delivery);
    }
    return this.#isCopy(delivery) ? this.#discard(delivery) : this.#handOn(delivery);
  }

  /** The queue's one copy is for all clients here. It is settled by the first that has taken it; none of them fails. */
  async #toAll(delivery: Delivery): Promise<void> {
    await Promise.all([...this.#clients.keys()].map((client) => client.receive(delivery)));
    await delivery.ack();
  }

  /** Whether others have copies of a message that nobody here claims. */
  #isCopy({ envelope }: Delivery): boolean {
    return envelope.clientId === undefined && [...this.#clients.values()].every(({ copies }) => copies === true);
  }

  async #discard(delivery: Delivery): Promise<void> {
    for (const client of this.#clients.keys()) client.discarded(delivery.envelope);
    await delivery.ack();
  }

  /** Another process may share the queue. */
  async #handOn(delivery: Delivery): Promise<void> {
    if (delivery.attempt < MAX_ATTEMPTS) {
      // Whoever has just received is likely to be the first to ask again, and would get it back each time.
      this.#consumer?.giveWay();
      const { attempt } = delivery;
      const late = attempt - QUICK_ATTEMPTS;
      return delivery.retry(late <= 0 ? 0 : 1000 + backoffDelay(late, { baseMs: 1000, maxMs: 60_000 }));
    }
    const { messageId, clientId, sessionId } = delivery.envelope;
    const text = `Message ${messageId} on ${this.responseQueueUrl} belongs to no client that reads it (client ${clientId ?? 'not named'}).`;
    this.#report(new AsyncMcpError('ERR_UNCLAIMED_MESSAGE', text, { details: { messageId, clientId, sessionId } }));
    await delivery.reject(text);
  }

  #report(error: AsyncMcpError): void {
    for (const client of this.#clients.keys()) client.failed(error);
  }
}
