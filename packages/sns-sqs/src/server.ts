import {
  AsyncMcpError,
  SERVER_OPTION_NAMES,
  checkServerOptions,
  createEnvelope,
  invalidOption,
  isRecord,
  knownOptions,
} from '@asyncmcp/core';
import {
  checkMessageAttributes,
  createQueueLimits,
  createQueueServer,
  createSender,
  otherQueueUrlOption,
  queueUrlOption,
  sqsClientOption,
  timingOptions,
} from '@asyncmcp/sqs';
import { checkBroadcast } from './broadcast.js';
import { snsClientOption } from './common-options.js';
import { createReplyPolicy } from './reply-policy.js';
import { createSnsSendApi } from './sns-send-api.js';
import { topicArnOption } from './topic-address.js';
import { createTopicLimits } from './topic-limits.js';
import type { AllowReplyTo, ReplyPort, Sessions } from '@asyncmcp/core';
import type { QueueServer, Sender, SqsServerOptions } from '@asyncmcp/sqs';
import type { SNSClient } from '@aws-sdk/client-sns';
import type { BroadcastNotification } from './broadcast.js';
import type { ReplyPolicy } from './reply-policy.js';

/** Options of {@link SnsSqsServer}: those of `SqsServer`, and where they differ: */
export interface SnsSqsServerOptions extends Omit<
  SqsServerOptions,
  'requestQueueUrl' | 'allowReplyTo' | 'answerQueueUrl'
> {
  /** The AWS client that publishes replies. The server does not destroy it. */
  readonly sns: SNSClient;
  /** The queue subscribed to the request topic, with raw delivery or without. Servers of one kind share it. */
  readonly requestQueueUrl: string;
  /** Which topics replies may go to. Default: those in the account and region of the request queue. */
  readonly allowReplyTo?: AllowReplyTo | undefined;
  /**
   * A topic, and the queue of this very process that is subscribed to it, where clients answer its servers' own requests
   * (sampling, elicitation, roots). Both or neither. Worth having when several processes share the request queue: answers
   * there reach the process that asked at once. Default: the request topic.
   */
  readonly answerTopicArn?: string | undefined;
  /** The queue that is subscribed to `answerTopicArn`. Default: the request queue. */
  readonly answerQueueUrl?: string | undefined;
}

const OPTION_NAMES = [
  ...SERVER_OPTION_NAMES,
  'sns',
  'sqs',
  'requestQueueUrl',
  'waitTimeSeconds',
  'visibilityTimeoutSeconds',
  'messageAttributes',
  'allowReplyTo',
  'deadLetterQueueUrl',
  'answerTopicArn',
  'answerQueueUrl',
];

/**
 * Serves MCP over SNS and SQS: takes requests from the queue subscribed to the request topic, runs them through one MCP server
 * object per session, and publishes the replies to each client's topic. A request is deleted from its queue only after its
 * reply was published.
 */
export class SnsSqsServer {
  /** Called with every failure a user should know of; `error.code` tells them apart. Set it before `start()`. */
  onerror?: ((error: AsyncMcpError) => void) | undefined;
  readonly #server: QueueServer;
  readonly #sender: Sender;
  readonly #policy: ReplyPolicy;

  /** @throws AsyncMcpError `ERR_INVALID_OPTION` */
  constructor(options: SnsSqsServerOptions) {
    knownOptions('SnsSqsServer', options, OPTION_NAMES);
    const host = checkServerOptions(options);
    const { logger } = host;
    const sns = snsClientOption(options.sns);
    const sqs = sqsClientOption(options.sqs);
    const requestQueueUrl = queueUrlOption('requestQueueUrl', options.requestQueueUrl);
    const limits = createQueueLimits(sqs, logger);
    this.#sender = createSender(createSnsSendApi(sns, createTopicLimits(sns, logger)), {
      logger,
      messageAttributes: checkMessageAttributes('messageAttributes', options.messageAttributes),
      controlGroup: false,
    });
    this.#policy = createReplyPolicy(options, limits);
    this.#server = createQueueServer({
      sqs,
      requestQueueUrl,
      answers: answersOption(options, requestQueueUrl),
      deadLetterQueueUrl: otherQueueUrlOption('deadLetterQueueUrl', options.deadLetterQueueUrl, requestQueueUrl),
      ...timingOptions(options),
      limits,
      host,
      replyPort: createReplyPort(this.#sender, this.#policy),
      onerror: (error) => this.onerror?.(error),
      prepare: () => this.#policy.prepare(),
      closeReplies: () => this.#sender.close(),
    });
  }

  /** The sessions live in this process. */
  get sessions(): Sessions {
    return this.#server.sessions;
  }

  /**
   * Begins to take requests.
   *
   * @throws AsyncMcpError `ERR_ALREADY_STARTED`, `ERR_CLOSED`; `ERR_INVALID_OPTION` when the redrive policy moves dead letters to
   *   the queue for answers; `ERR_DESTINATION_GONE` when there is no such queue,
   *   `ERR_UNAVAILABLE` when SQS cannot be reached, `ERR_ACCESS_DENIED` when the queue's account and region are needed and cannot
   *   be read; after these three it may be started again (what was read of the queue is remembered for up to five minutes)
   */
  start(): Promise<void> {
    return this.#server.start();
  }

  /**
   * Publishes one notification for every client that hears the topic: `notifications/tools/list_changed`, a resource's update. It
   * takes one Publish, however many clients there are, and each of them hears it once. A client that has no session yet ignores
   * it. Resolves when SNS has taken it.
   *
   * @throws AsyncMcpError `ERR_INVALID_OPTION` for what is no notification, or is about one request (progress, cancelled);
   *   `ERR_REPLY_ADDRESS_REFUSED` for a topic that the policy refuses; `ERR_CLOSED`, `ERR_DESTINATION_GONE`,
   *   `ERR_ACCESS_DENIED`, `ERR_MESSAGE_TOO_LARGE`, `ERR_UNAVAILABLE`
   */
  async broadcast(topicArn: string, notification: BroadcastNotification): Promise<void> {
    const message = checkBroadcast(notification);
    const address = topicArnOption('topicArn', topicArn);
    if ((await this.#policy.allows(address, {})) !== true) {
      const text = `Topic ${address} is not one that replies may go to; widen allowReplyTo if it should be.`;
      throw new AsyncMcpError('ERR_REPLY_ADDRESS_REFUSED', text, { details: { address } });
    }
    await this.#sender.sendEnvelope(address, createEnvelope(message, { broadcast: true }));
  }

  /**
   * Takes no more requests (at once, even during a long poll), lets running calls finish for up to `drainTimeoutMs`,
   * returns the rest to the queue, and frees everything. Idempotent; never rejects.
   */
  close(): Promise<void> {
    return this.#server.close();
  }
}

function answersOption(
  { answerTopicArn, answerQueueUrl }: SnsSqsServerOptions,
  requestQueueUrl: string,
): { queueUrl: string; address: string } | undefined {
  const queueUrl = otherQueueUrlOption('answerQueueUrl', answerQueueUrl, requestQueueUrl);
  if (queueUrl === undefined && answerTopicArn === undefined) return undefined;
  if (queueUrl === undefined) throw invalidOption('answerQueueUrl', undefined, 'given together with answerTopicArn');
  return { queueUrl, address: topicArnOption('answerTopicArn', answerTopicArn) };
}

function createReplyPort(sender: Sender, { allows }: ReplyPolicy): ReplyPort {
  return {
    allows,
    send: (topicArn, envelope) => sender.sendEnvelope(topicArn, envelope),
    // asyncmcp for Python: `_meta.clientTopicArn`; up to its version 0.2.1, `client_topic_arn` beside `_meta`.
    addressOf(params) {
      const meta = params['_meta'];
      const address = (isRecord(meta) ? meta['clientTopicArn'] : undefined) ?? params['client_topic_arn'];
      return typeof address === 'string' && address !== '' ? address : undefined;
    },
  };
}
