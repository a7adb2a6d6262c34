import {
  AsyncMcpError,
  ClientTransport,
  clientIdOption,
  functionOption,
  invalidOption,
  isRecord,
  knownOptions,
  loggerOption,
  silentLogger,
} from '@asyncmcp/core';
import { noTimingBesideReceiver, sqsClientOption, timingOptions } from './common-options.js';
import { checkMessageAttributes } from './message-attributes.js';
import { otherQueueUrlOption, queueUrlOption, sameAccountAs } from './queue-address.js';
import { createQueueLimits } from './queue-limits.js';
import { createReplyChannel, createTemporaryReplyChannel } from './reply-channel.js';
import { SqsResponseReceiver } from './response-receiver.js';
import { createSqsSender } from './sender.js';
import type { ClientWire, Logger } from '@asyncmcp/core';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { ReplyChannel } from './reply-channel.js';

/** Options of {@link SqsClientTransport}. */
export interface SqsClientTransportOptions {
  /** The AWS client, with its region, credentials and endpoint. The transport does not destroy it. */
  readonly sqs: SQSClient;
  /** The queue that the server takes requests from. */
  readonly requestQueueUrl: string;
  /** The queue that replies come to. Default: a temporary queue, made on start and deleted on close. */
  readonly responseQueueUrl?: string | undefined;
  /** A receiver shared with other transports of this process; instead of `responseQueueUrl`. Default: one of its own. */
  readonly receiver?: SqsResponseReceiver | undefined;
  /** Names this client to servers, up to 128 characters. Default: a new UUID. */
  readonly clientId?: string | undefined;
  /** Attributes to put on every message, besides those of the wire format; two at most (AWS allows ten in all). Default: none. */
  readonly messageAttributes?: Readonly<Record<string, string>> | undefined;
  /** Which queues a server may ask to be answered at. Default: those on the host and in the account of the request queue. */
  readonly allowReplyTo?: ((address: string) => boolean) | undefined;
  /** Longest long poll, in seconds, 1 to 20 (the limit of SQS). Default 20. A `receiver` has its own. */
  readonly waitTimeSeconds?: number | undefined;
  /** For how long, in seconds, a received message is invisible to others, 2 to 43,200. Default 30. A `receiver` has its own. */
  readonly visibilityTimeoutSeconds?: number | undefined;
  /** pino-compatible. Default: silent. */
  readonly logger?: Logger | undefined;
}

const OPTION_NAMES = [
  'sqs',
  'requestQueueUrl',
  'responseQueueUrl',
  'receiver',
  'clientId',
  'messageAttributes',
  'allowReplyTo',
  'waitTimeSeconds',
  'visibilityTimeoutSeconds',
  'logger',
];

/** A drop-in transport for the SDK's `Client`: sends to a server's request queue, takes replies from a response queue. */
export class SqsClientTransport extends ClientTransport {
  /** @throws AsyncMcpError `ERR_INVALID_OPTION` */
  constructor(options: SqsClientTransportOptions) {
    knownOptions('SqsClientTransport', options, OPTION_NAMES);
    const logger = loggerOption(options.logger, silentLogger);
    super({ wire: createSqsWire(options, logger), logger, clientId: clientIdOption(options.clientId) });
  }
}

function createSqsWire(options: SqsClientTransportOptions, logger: Logger): ClientWire {
  const sqs = sqsClientOption(options.sqs);
  const requestQueueUrl = queueUrlOption('requestQueueUrl', options.requestQueueUrl);
  const replies = replyChannel(options, sqs, logger);
  const sender = createSqsSender({
    sqs,
    limits: createQueueLimits(sqs, logger),
    logger,
    messageAttributes: checkMessageAttributes('messageAttributes', options.messageAttributes),
    controlGroup: true,
  });
  const allowsAddress =
    options.allowReplyTo === undefined
      ? sameAccountAs([requestQueueUrl])
      : functionOption('allowReplyTo', options.allowReplyTo);
  return {
    open: (events) => replies.open(events),
    publish: (envelope) => sender.sendEnvelope(requestQueueUrl, envelope),
    publishTo: (address, envelope) => sender.sendEnvelope(address, envelope),
    terminate: (metadata) => sender.sendTermination(requestQueueUrl, metadata),
    allowsAddress,
    // In both shapes: servers on asyncmcp for Python up to 0.2.1, its newest release, read only the second.
    withReplyAddress(params, responseQueueUrl) {
      const meta = params['_meta'];
      const _meta = { ...(isRecord(meta) ? meta : {}), responseQueueUrl };
      return { ...params, _meta, response_queue_url: responseQueueUrl };
    },
    async close() {
      await Promise.all([sender.close(), replies.close()]);
    },
  };
}

/** The receiver of the options, or one for the queue of the options, or one for a queue that lives as long as the transport. */
function replyChannel(options: SqsClientTransportOptions, sqs: SQSClient, logger: Logger): ReplyChannel {
  const { receiver, requestQueueUrl } = options;
  const responseQueueUrl = otherQueueUrlOption('responseQueueUrl', options.responseQueueUrl, requestQueueUrl);
  const receiverOptions = { sqs, logger, ...timingOptions(options) };
  if (receiver === undefined) {
    if (responseQueueUrl === undefined) return createTemporaryReplyChannel(receiverOptions);
    return createReplyChannel(new SqsResponseReceiver({ ...receiverOptions, responseQueueUrl }));
  }
  if (responseQueueUrl !== undefined) {
    const text = 'Give either "receiver" or "responseQueueUrl": a receiver has its queue already.';
    throw new AsyncMcpError('ERR_INVALID_OPTION', text, { details: { option: 'receiver' } });
  }
  if (!(receiver instanceof SqsResponseReceiver)) throw invalidOption('receiver', receiver, 'an SqsResponseReceiver');
  if (receiver.responseQueueUrl === requestQueueUrl) {
    const allowed = 'one of another queue than requestQueueUrl: it would take the requests from the server';
    throw invalidOption('receiver', receiver.responseQueueUrl, allowed);
  }
  noTimingBesideReceiver(options);
  return createReplyChannel(receiver);
}
