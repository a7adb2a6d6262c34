import { randomUUID } from 'node:crypto';
import {
  AsyncMcpError,
  ClientTransport,
  clientIdOption,
  functionOption,
  integerOption,
  invalidOption,
  isRecord,
  knownOptions,
  loggerOption,
  silentLogger,
  stringOption,
} from '@asyncmcp/core';
import {
  SqsResponseReceiver,
  checkMessageAttributes,
  createSender,
  queueUrlOption,
  sqsClientOption,
  noTimingBesideReceiver,
  timingOptions,
} from '@asyncmcp/sqs';
import { snsClientOption } from './common-options.js';
import { createTemporaryTopicReplyChannel, createTopicReplyChannel } from './reply-channel.js';
import { createSnsSendApi } from './sns-send-api.js';
import { otherTopicArnOption, scopeOfTopic, topicArnOption } from './topic-address.js';
import { createTopicLimits } from './topic-limits.js';
import type { ClientWire, Logger } from '@asyncmcp/core';
import type { ReplyChannel, SqsClientTransportOptions } from '@asyncmcp/sqs';
import type { SNSClient } from '@aws-sdk/client-sns';

/** Options of {@link SnsSqsClientTransport}: those of `SqsClientTransport`, and where they differ: */
export interface SnsSqsClientTransportOptions extends Omit<
  SqsClientTransportOptions,
  'requestQueueUrl' | 'responseQueueUrl' | 'allowReplyTo'
> {
  /** The AWS client that publishes. The transport does not destroy it. */
  readonly sns: SNSClient;
  /** The topic that the servers' request queue is subscribed to. */
  readonly requestTopicArn: string;
  /** The topic that servers publish this client's replies to. Clients may share one. */
  readonly responseTopicArn: string;
  /**
   * A queue subscribed to the response topic; best with a filter policy for this client, or it is brought everybody's replies
   * and has to hand them on, in case another process shares it. Default: a temporary queue, made and subscribed on start for
   * the replies to this client only; on close both are removed. (A topic can have 200 filter policies.)
   */
  readonly responseQueueUrl?: string | undefined;
  /** The subscription of the response queue. Default: looked for, in the list of the topic's subscriptions. */
  readonly subscriptionArn?: string | undefined;
  /**
   * How often to see whether the subscription is still there, in milliseconds, 1,000 to 86,400,000: its deletion is not to be
   * noticed otherwise. Each look is an API call. Default 60,000.
   */
  readonly subscriptionCheckMs?: number | undefined;
  /** Which topics a server may ask to be answered at. Default: those in the account and region of the request topic. */
  readonly allowReplyTo?: ((address: string) => boolean) | undefined;
}

const OPTION_NAMES = [
  'sns',
  'sqs',
  'requestTopicArn',
  'responseTopicArn',
  'responseQueueUrl',
  'receiver',
  'subscriptionArn',
  'subscriptionCheckMs',
  'clientId',
  'messageAttributes',
  'allowReplyTo',
  'waitTimeSeconds',
  'visibilityTimeoutSeconds',
  'logger',
];

/** A drop-in transport for the SDK's `Client`: publishes to a request topic, takes replies from a queue on a response topic. */
export class SnsSqsClientTransport extends ClientTransport {
  /** @throws AsyncMcpError `ERR_INVALID_OPTION` */
  constructor(options: SnsSqsClientTransportOptions) {
    knownOptions('SnsSqsClientTransport', options, OPTION_NAMES);
    const logger = loggerOption(options.logger, silentLogger);
    const clientId = clientIdOption(options.clientId) ?? randomUUID();
    super({ wire: createWire(options, clientId, logger), logger, clientId });
  }
}

function createWire(options: SnsSqsClientTransportOptions, clientId: string, logger: Logger): ClientWire {
  const sns = snsClientOption(options.sns);
  const requestTopicArn = topicArnOption('requestTopicArn', options.requestTopicArn);
  const replies = replyChannel(options, clientId, logger);
  const sender = createSender(createSnsSendApi(sns, createTopicLimits(sns, logger)), {
    logger,
    messageAttributes: checkMessageAttributes('messageAttributes', options.messageAttributes),
    controlGroup: true,
  });
  const { allowReplyTo } = options;
  const own = scopeOfTopic(requestTopicArn);
  return {
    open: (events) => replies.open(events),
    publish: (envelope) => sender.sendEnvelope(requestTopicArn, envelope),
    publishTo: (topicArn, envelope) => sender.sendEnvelope(topicArn, envelope),
    terminate: (metadata) => sender.sendTermination(requestTopicArn, metadata),
    allowsAddress:
      allowReplyTo === undefined
        ? (topicArn) => scopeOfTopic(topicArn) === own
        : functionOption('allowReplyTo', allowReplyTo),
    // In both shapes: servers on asyncmcp for Python up to 0.2.1, its newest release, read only the second.
    withReplyAddress(params, clientTopicArn) {
      const meta = params['_meta'];
      const _meta = { ...(isRecord(meta) ? meta : {}), clientTopicArn };
      return { ...params, _meta, client_topic_arn: clientTopicArn };
    },
    async close() {
      await Promise.all([sender.close(), replies.close()]);
    },
  };
}

/** By the receiver of the options, or a queue of the options, or a queue that lives as long as the transport. */
function replyChannel(options: SnsSqsClientTransportOptions, clientId: string, logger: Logger): ReplyChannel {
  const { receiver, requestTopicArn } = options;
  const timing = timingOptions(options);
  const common = {
    sns: snsClientOption(options.sns),
    sqs: sqsClientOption(options.sqs),
    responseTopicArn: otherTopicArnOption('responseTopicArn', options.responseTopicArn, requestTopicArn),
    logger,
    subscriptionCheckMs: integerOption('subscriptionCheckMs', options.subscriptionCheckMs, {
      min: 1_000,
      max: 86_400_000,
      fallback: 60_000,
      unit: 'milliseconds',
    }),
  };
  const { sqs, responseTopicArn } = common;
  const responseQueueUrl =
    options.responseQueueUrl === undefined ? undefined : queueUrlOption('responseQueueUrl', options.responseQueueUrl);
  const subscriptionArn = subscriptionArnOption(options.subscriptionArn, responseTopicArn);
  if (receiver !== undefined && responseQueueUrl !== undefined) {
    throw wrong('receiver', 'Give either "receiver" or "responseQueueUrl": a receiver has its queue already.');
  }
  if (receiver !== undefined) {
    if (!(receiver instanceof SqsResponseReceiver)) throw invalidOption('receiver', receiver, 'an SqsResponseReceiver');
    noTimingBesideReceiver(options);
    return createTopicReplyChannel(receiver, { ...common, subscriptionArn });
  }
  if (responseQueueUrl !== undefined) {
    const own = new SqsResponseReceiver({ sqs, logger, responseQueueUrl, ...timing });
    return createTopicReplyChannel(own, { ...common, subscriptionArn });
  }
  if (subscriptionArn !== undefined) {
    throw wrong('subscriptionArn', 'Give "subscriptionArn" with the queue it is of: a temporary queue gets a new one.');
  }
  const fifo = responseTopicArn.endsWith('.fifo');
  return createTemporaryTopicReplyChannel({ ...common, clientId, fifo, timing });
}

/** A subscription's ARN is its topic's, and a name of its own. */
function subscriptionArnOption(value: string | undefined, topicArn: string): string | undefined {
  if (value === undefined) return undefined;
  const name = stringOption('subscriptionArn', value).replace(`${topicArn}:`, '');
  if (name !== value && /^[0-9a-f-]+$/i.test(name)) return value;
  throw invalidOption('subscriptionArn', value, `the ARN of a subscription of ${topicArn}`);
}

function wrong(option: string, text: string): AsyncMcpError {
  return new AsyncMcpError('ERR_INVALID_OPTION', text, { details: { option } });
}
