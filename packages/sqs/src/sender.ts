import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import {
  encodeEnvelope,
  encodeTermination,
  isAsyncMcpError,
  isNotification,
  isRequest,
  retryAfter,
  toAsyncMcpError,
} from '@asyncmcp/core';
import { linkSignals, untilAborted } from './abort.js';
import { isTransient } from './aws-errors.js';
import { isFifo, toFifoId } from './fifo.js';
import { messageSize, toBody, toMessageAttributes } from './message-attributes.js';
import { closed, createOutgoingQueues } from './outgoing-queues.js';
import { createSendBatch } from './send-batch.js';
import { createSqsSendApi } from './sqs-send-api.js';
import type { AsyncMcpError, Envelope, EnvelopeMetadata, Logger } from '@asyncmcp/core';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { MessageAttributes } from './message-attributes.js';
import type { QueueLimits } from './queue-limits.js';
import type { LogRetry, Outgoing } from './outgoing-queues.js';
import type { SendApi } from './send-batch.js';

/** What senders to queues and to topics have in common. */
export interface SenderOptions {
  /** pino-compatible. */
  readonly logger: Logger;
  /** Attributes that go with every envelope, besides those of the wire format. */
  readonly messageAttributes: Readonly<Record<string, string>>;
  /**
   * Whether what is no request goes to FIFO destinations in a group of its own, `<group>.control`. A client needs it: a
   * group is blocked while one of its messages is in flight, and a running call would block its own cancellation, and the
   * answers to the questions it asks. A server does not: replies stay in order.
   */
  readonly controlGroup: boolean;
  /** How long a message is tried again after failures that may pass, in milliseconds. Default 60,000. */
  readonly retryForMs?: number | undefined;
  /** Most calls at a time to one standard destination; a FIFO one has one. Default 4. */
  readonly maxInFlight?: number | undefined;
}

export interface SqsSenderOptions extends SenderOptions {
  readonly sqs: SQSClient;
  readonly limits: QueueLimits;
}

/** A message as it goes to SQS or SNS. */
export interface OutgoingMessage {
  /** The text of the message. */
  readonly body: string;
  /** What goes beside it, ten at most. */
  readonly attributes: MessageAttributes;
  /** FIFO only: messages of one group are delivered one after the other. Default: a group of its own. */
  readonly groupId?: string | undefined;
  /** FIFO only: AWS drops a message with the id of another from the last five minutes. Default: a new id. */
  readonly deduplicationId?: string | undefined;
}

/**
 * Sends to any number of queues or topics. Each method resolves when AWS has taken the message. What may pass (network,
 * throttling, AWS itself) is tried again; otherwise they reject with an AsyncMcpError: `ERR_MESSAGE_TOO_LARGE`,
 * `ERR_DESTINATION_GONE`, `ERR_ACCESS_DENIED`, `ERR_TOO_MANY_ATTRIBUTES`, `ERR_MESSAGE_INVALID`, `ERR_UNAVAILABLE`,
 * `ERR_CLOSED`.
 *
 * An aborted `signal` ends the waiting, not a call that is under way: the message may still have been sent.
 */
export interface Sender {
  /** Sends a message as it is. */
  send(address: string, message: OutgoingMessage, signal?: AbortSignal): Promise<void>;
  /** Sends an envelope: the message, and its metadata as attributes. */
  sendEnvelope(address: string, envelope: Envelope, signal?: AbortSignal): Promise<void>;
  /** Asks the server to end the session of `metadata`. */
  sendTermination(address: string, metadata: EnvelopeMetadata, signal?: AbortSignal): Promise<void>;
  /** Gives what was accepted one last try, stops waiting for another, and resolves when no call is under way. Idempotent. */
  close(): Promise<void>;
}

/** A {@link Sender} to SQS queues. */
export function createSqsSender({ sqs, limits, ...options }: SqsSenderOptions): Sender {
  return createSender(createSqsSendApi(sqs, limits), options);
}

/** A {@link Sender} to whatever `api` sends to. */
export function createSender(api: SendApi, options: SenderOptions): Sender {
  const { logger, messageAttributes, controlGroup, retryForMs = 60_000, maxInFlight = 4 } = options;
  let open = 0;
  let allSent = (): void => {};
  let drained: Promise<void> | undefined;
  const closing = new AbortController();
  // Every message in progress listens to it.
  setMaxListeners(0, closing.signal);
  const logRetry: LogRetry = (address, error, attempt, delayMs) =>
    logger.debug({ err: error, address, attempt, delayMs }, 'sending failed, trying again');
  const enqueue = createOutgoingQueues({
    sendBatch: createSendBatch(api),
    maxInFlight,
    closing: closing.signal,
    logRetry,
  });

  async function send(address: string, message: OutgoingMessage, signal?: AbortSignal): Promise<void> {
    open += 1;
    try {
      closing.signal.throwIfAborted();
      signal?.throwIfAborted();
      const item = toOutgoing(address, message, signal, Date.now() + retryForMs);
      try {
        await untilAborted(enqueue(address, item), signal);
      } catch (error) {
        // To a FIFO destination every try was made already, in order.
        if (isFifo(address)) throw error;
        await tryAgain(address, item, error);
      }
    } catch (error) {
      throw sendError(error, signal);
    } finally {
      open -= 1;
      if (open === 0) allSent();
    }
  }

  async function tryAgain(address: string, item: Outgoing, failure: unknown): Promise<void> {
    const { signal } = item;
    const link = linkSignals(closing.signal, signal);
    const tryOnce = (): Promise<void> => untilAborted(enqueue(address, item), signal);
    const onRetry = logRetry.bind(undefined, address);
    try {
      await retryAfter(failure, tryOnce, { forMs: retryForMs, signal: link.signal, isTransient, onRetry });
    } finally {
      link.unlink();
    }
  }

  function sendError(error: unknown, signal: AbortSignal | undefined): AsyncMcpError {
    if (signal?.aborted === true) return toAsyncMcpError(signal.reason, 'ERR_CLOSED', 'Sending was aborted');
    if (!closing.signal.aborted) return toAsyncMcpError(error, 'ERR_INTERNAL', 'Sending failed');
    return isAsyncMcpError(error) && !isTransient(error) ? error : closed(error);
  }

  return {
    send,
    async sendEnvelope(address, envelope, signal) {
      const attributes = toMessageAttributes(encodeEnvelope(envelope), messageAttributes);
      const groupId = groupOf(envelope, controlGroup && !opensOrCalls(envelope.message));
      const message = { body: toBody(envelope), attributes, groupId, deduplicationId: envelope.messageId };
      return send(address, message, signal);
    },
    async sendTermination(address, metadata, signal) {
      const attributes = toMessageAttributes(encodeTermination(metadata), messageAttributes);
      const groupId = groupOf(metadata, controlGroup);
      return send(address, { body: '{}', attributes, groupId, deduplicationId: metadata.messageId }, signal);
    },
    close() {
      closing.abort(closed());
      return (drained ??= new Promise((resolve) => {
        allSent = resolve;
        if (open === 0) resolve();
      }));
    },
  };
}

function toOutgoing(
  address: string,
  { body, attributes, groupId, deduplicationId = randomUUID() }: OutgoingMessage,
  signal: AbortSignal | undefined,
  deadline: number,
): Outgoing {
  const fifo = isFifo(address)
    ? { groupId: toFifoId(groupId ?? deduplicationId), deduplicationId: toFifoId(deduplicationId) }
    : undefined;
  return { body, attributes, fifo, bytes: messageSize(body, attributes), signal, deadline };
}

/** Messages of one session stay in order; before there is a session, those of one client. */
function groupOf({ sessionId, clientId, messageId }: EnvelopeMetadata, control: boolean): string {
  const group = sessionId ?? clientId ?? messageId;
  return control ? `${group}.control` : group;
}

/** What is to stay in order with a session's calls: they, and the notification that ends the handshake before them. */
function opensOrCalls(message: JSONRPCMessage): boolean {
  return isRequest(message) || (isNotification(message) && message.method === 'notifications/initialized');
}
