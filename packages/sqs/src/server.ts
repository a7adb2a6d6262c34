import {
  AsyncMcpError,
  SERVER_OPTION_NAMES,
  SessionHost,
  checkServerOptions,
  functionOption,
  isRecord,
  knownOptions,
} from '@asyncmcp/core';
import { sqsClientOption, timingOptions } from './common-options.js';
import { createSqsConsumer } from './consumer.js';
import { createDeadLetter } from './dead-letter.js';
import { checkMessageAttributes } from './message-attributes.js';
import { otherQueueUrlOption, queueUrlOption, sameAccountAs } from './queue-address.js';
import { createQueueLimits } from './queue-limits.js';
import { createSqsSender } from './sender.js';
import type { AllowReplyTo, ReplyPort, ServerOptions, Sessions } from '@asyncmcp/core';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { SqsConsumer } from './consumer.js';
import type { QueueFacts, QueueLimits } from './queue-limits.js';
import type { Sender } from './sender.js';

/** Options of {@link SqsServer}. */
export interface SqsServerOptions extends ServerOptions {
  /** The AWS client, with its region, credentials and endpoint. The server does not destroy it. */
  readonly sqs: SQSClient;
  /** The queue that clients send to. Servers of one kind share it; FIFO queues (`….fifo`) work too. */
  readonly requestQueueUrl: string;
  /** Longest long poll, in seconds, 1 to 20 (the limit of SQS). Default 20. */
  readonly waitTimeSeconds?: number | undefined;
  /**
   * For how long, in seconds, a received message is invisible to others unless renewed, 2 to 43,200; it is renewed at a
   * third of this while the call runs. What a killed process held comes back after at most this. Default 30.
   */
  readonly visibilityTimeoutSeconds?: number | undefined;
  /** Attributes to put on every reply, besides those of the wire format; two at most (AWS allows ten in all). Default: none. */
  readonly messageAttributes?: Readonly<Record<string, string>> | undefined;
  /** Which queues replies may go to. Default: those on the host and in the account of the request queue. */
  readonly allowReplyTo?: AllowReplyTo | undefined;
  /** Where messages go that can never be handled. Default: the dead-letter queue of the request queue's redrive policy. */
  readonly deadLetterQueueUrl?: string | undefined;
  /**
   * A queue of this very process, where clients answer its servers' own requests (sampling, elicitation, roots). Worth
   * having when several processes share the request queue: answers there reach the process that asked at once, while on
   * the request queue they are handed on until it gets them. Default: the request queue.
   */
  readonly answerQueueUrl?: string | undefined;
}

const OPTION_NAMES = [
  ...SERVER_OPTION_NAMES,
  'sqs',
  'requestQueueUrl',
  'waitTimeSeconds',
  'visibilityTimeoutSeconds',
  'messageAttributes',
  'allowReplyTo',
  'deadLetterQueueUrl',
  'answerQueueUrl',
];

/**
 * Room for messages beyond the running calls, so that answers and cancellations come in while all of `concurrency` is
 * taken. One batch: more would keep requests from other servers that have time for them.
 */
const HEADROOM = 10;

/**
 * How often a message may be received beyond `maxAttempts`: the answer to a server's own request is handed on between
 * servers up to 25 times. SQS answers nobody when its redrive policy moves a message away.
 */
const RECEIVES_BEYOND_ATTEMPTS = 27;

/**
 * Serves MCP over SQS: takes requests from one queue, runs them through one MCP server object per session, and sends the
 * replies to each client's queue. A request is deleted from its queue only after its reply was sent.
 */
export class SqsServer {
  /** Called with every failure a user should know of; `error.code` tells them apart. Set it before `start()`. */
  onerror?: ((error: AsyncMcpError) => void) | undefined;
  /** The sessions live in this process. */
  readonly sessions: Sessions;
  readonly #requestQueueUrl: string;
  readonly #signal: AbortSignal | undefined;
  readonly #limits: QueueLimits;
  readonly #sender: Sender;
  readonly #host: SessionHost;
  readonly #consumers: readonly SqsConsumer[];
  readonly #warnOf: (facts: QueueFacts) => void;
  #state: 'new' | 'starting' | 'started' | 'closed' = 'new';
  #closed: Promise<void> | undefined;
  readonly #onAbort = (): void => void this.close();

  /** @throws AsyncMcpError `ERR_INVALID_OPTION` */
  constructor(options: SqsServerOptions) {
    knownOptions('SqsServer', options, OPTION_NAMES);
    const checked = checkServerOptions(options);
    const { logger } = checked;
    const sqs = sqsClientOption(options.sqs);
    const timing = timingOptions(options);
    const requestQueueUrl = queueUrlOption('requestQueueUrl', options.requestQueueUrl);
    const deadLetterQueueUrl = otherQueueUrlOption('deadLetterQueueUrl', options.deadLetterQueueUrl, requestQueueUrl);
    const answerQueueUrl = otherQueueUrlOption('answerQueueUrl', options.answerQueueUrl, requestQueueUrl);
    this.#requestQueueUrl = requestQueueUrl;
    this.#signal = checked.signal;
    this.#limits = createQueueLimits(sqs, logger);
    this.#sender = createSqsSender({
      sqs,
      limits: this.#limits,
      logger,
      messageAttributes: checkMessageAttributes('messageAttributes', options.messageAttributes),
      controlGroup: false,
    });
    const onerror = (error: AsyncMcpError): void => this.onerror?.(error);
    this.#host = new SessionHost({
      ...checked,
      onerror,
      replyPort: createReplyPort(
        this.#sender,
        replyPolicy(options, [requestQueueUrl, deadLetterQueueUrl, answerQueueUrl]),
      ),
      answerAddress: answerQueueUrl,
    });
    this.sessions = this.#host;
    const queues = [requestQueueUrl, ...(answerQueueUrl === undefined ? [] : [answerQueueUrl])];
    this.#consumers = queues.map((queueUrl) =>
      createSqsConsumer({
        sqs,
        queueUrl,
        ...timing,
        logger,
        onerror,
        limit: checked.concurrency + HEADROOM,
        deadLetter: createDeadLetter({
          sqs,
          sender: this.#sender,
          limits: this.#limits,
          queueUrl,
          deadLetterQueueUrl,
          logger,
        }),
        handle: (delivery) => this.#host.receive(delivery),
      }),
    );
    this.#warnOf = ({ deadLetterTargetArn, maxReceiveCount }) => {
      const facts = { queueUrl: requestQueueUrl };
      if (deadLetterTargetArn === undefined && deadLetterQueueUrl === undefined) {
        logger.warn(facts, 'no dead-letter queue: what can never be handled is logged and dropped');
      }
      if (maxReceiveCount !== undefined && maxReceiveCount < checked.maxAttempts + RECEIVES_BEYOND_ATTEMPTS) {
        const text = `the redrive policy moves a message away after ${maxReceiveCount} receives: that may be before its caller is answered; use ${checked.maxAttempts + RECEIVES_BEYOND_ATTEMPTS} or more`;
        logger.warn({ ...facts, maxReceiveCount }, text);
      }
    };
  }

  /**
   * Begins to take requests.
   *
   * @throws AsyncMcpError `ERR_ALREADY_STARTED`, `ERR_CLOSED`, `ERR_DESTINATION_GONE` when there is no such queue,
   *   `ERR_UNAVAILABLE` when SQS cannot be reached; after these two it may be started again
   */
  async start(): Promise<void> {
    if (this.#state === 'closed' || isAborted(this.#signal)) throw closed();
    if (this.#state !== 'new') throw new AsyncMcpError('ERR_ALREADY_STARTED', 'This server was started already.');
    this.#state = 'starting';
    try {
      this.#warnOf(await this.#limits.get(this.#requestQueueUrl));
    } catch (error) {
      if (this.#closed === undefined) this.#state = 'new';
      throw error;
    }
    // Either may have come meanwhile.
    if (isAborted(this.#signal)) void this.close();
    if (this.#closed !== undefined) throw closed();
    this.#signal?.addEventListener('abort', this.#onAbort, { once: true });
    this.#host.start();
    for (const consumer of this.#consumers) consumer.start();
    this.#state = 'started';
  }

  /**
   * Takes no more requests (at once, even during a long poll), lets running calls finish for up to `drainTimeoutMs`,
   * returns the rest to the queue, and frees everything. Idempotent; never rejects.
   */
  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#state = 'closed';
    this.#signal?.removeEventListener('abort', this.#onAbort);
    await Promise.all(this.#consumers.map((consumer) => consumer.stopPolling()));
    // The consumers still renew the leases of what is being finished.
    await this.#host.close();
    await Promise.all(this.#consumers.map((consumer) => consumer.close()));
    await this.#sender.close();
  }
}

/** A function, because the compiler takes the answer before an await for the one after it. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

function replyPolicy({ allowReplyTo }: SqsServerOptions, ownQueues: readonly (string | undefined)[]): AllowReplyTo {
  if (allowReplyTo !== undefined) return functionOption('allowReplyTo', allowReplyTo);
  return sameAccountAs(ownQueues.filter((queueUrl) => queueUrl !== undefined));
}

function createReplyPort(sender: Sender, allows: AllowReplyTo): ReplyPort {
  return {
    allows,
    send: (queueUrl, envelope) => sender.sendEnvelope(queueUrl, envelope),
    // asyncmcp for Python: `_meta.responseQueueUrl`; up to its version 0.2.1, `response_queue_url` beside `_meta`.
    addressOf(params) {
      const meta = params['_meta'];
      const address = (isRecord(meta) ? meta['responseQueueUrl'] : undefined) ?? params['response_queue_url'];
      return typeof address === 'string' && address !== '' ? address : undefined;
    },
  };
}

function closed(): AsyncMcpError {
  return new AsyncMcpError('ERR_CLOSED', 'This server is closed; make a new one.');
}
