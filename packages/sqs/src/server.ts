import { SERVER_OPTION_NAMES, checkServerOptions, functionOption, isRecord, knownOptions } from '@asyncmcp/core';
import { sqsClientOption, timingOptions } from './common-options.js';
import { checkMessageAttributes } from './message-attributes.js';
import { otherQueueUrlOption, queueUrlOption, sameAccountAs } from './queue-address.js';
import { createQueueLimits } from './queue-limits.js';
import { createQueueServer } from './queue-server.js';
import { createSqsSender } from './sender.js';
import type { AllowReplyTo, AsyncMcpError, ReplyPort, ServerOptions, Sessions } from '@asyncmcp/core';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { QueueServer } from './queue-server.js';
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
 * Serves MCP over SQS: takes requests from one queue, runs them through one MCP server object per session, and sends the
 * replies to each client's queue. A request is deleted from its queue only after its reply was sent.
 */
export class SqsServer {
  /** Called with every failure a user should know of; `error.code` tells them apart. Set it before `start()`. */
  onerror?: ((error: AsyncMcpError) => void) | undefined;
  readonly #server: QueueServer;

  /** @throws AsyncMcpError `ERR_INVALID_OPTION` */
  constructor(options: SqsServerOptions) {
    knownOptions('SqsServer', options, OPTION_NAMES);
    const host = checkServerOptions(options);
    const { logger } = host;
    const sqs = sqsClientOption(options.sqs);
    const requestQueueUrl = queueUrlOption('requestQueueUrl', options.requestQueueUrl);
    const deadLetterQueueUrl = otherQueueUrlOption('deadLetterQueueUrl', options.deadLetterQueueUrl, requestQueueUrl);
    const answerQueueUrl = otherQueueUrlOption('answerQueueUrl', options.answerQueueUrl, requestQueueUrl);
    const limits = createQueueLimits(sqs, logger);
    const messageAttributes = checkMessageAttributes('messageAttributes', options.messageAttributes);
    const sender = createSqsSender({ sqs, limits, logger, messageAttributes, controlGroup: false });
    this.#server = createQueueServer({
      sqs,
      requestQueueUrl,
      deadLetterQueueUrl,
      ...timingOptions(options),
      limits,
      host,
      replyPort: createReplyPort(sender, replyPolicy(options, [requestQueueUrl, deadLetterQueueUrl, answerQueueUrl])),
      onerror: (error) => this.onerror?.(error),
      closeReplies: () => sender.close(),
      ...(answerQueueUrl !== undefined && { answers: { queueUrl: answerQueueUrl, address: answerQueueUrl } }),
    });
  }

  /** The sessions live in this process. */
  get sessions(): Sessions {
    return this.#server.sessions;
  }

  /**
   * Begins to take requests.
   *
   * @throws AsyncMcpError `ERR_ALREADY_STARTED`, `ERR_CLOSED`, `ERR_INVALID_OPTION` when the redrive policy moves dead letters to
   *   the queue for answers, `ERR_DESTINATION_GONE` when there is no such queue, `ERR_UNAVAILABLE` when SQS cannot be reached;
   *   after these two it may be started again
   */
  start(): Promise<void> {
    return this.#server.start();
  }

  /**
   * Takes no more requests (at once, even during a long poll), lets running calls finish for up to `drainTimeoutMs`,
   * returns the rest to the queue, and frees everything. Idempotent; never rejects.
   */
  close(): Promise<void> {
    return this.#server.close();
  }
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
