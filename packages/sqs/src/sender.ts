import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import {
  encodeEnvelope,
  encodeTermination,
  isAsyncMcpError,
  isNotification,
  isRequest,
  retry,
  toAsyncMcpError,
} from '@asyncmcp/core';
import { linkSignals, untilAborted } from './abort.js';
import { isTransient } from './aws-errors.js';
import { isFifoQueue, toFifoId } from './fifo.js';
import { messageSize, toBody, toMessageAttributes } from './message-attributes.js';
import { closed, createOutgoingQueues } from './outgoing-queues.js';
import { createSendBatch } from './send-batch.js';
import type { AsyncMcpError, Envelope, EnvelopeMetadata, Logger } from '@asyncmcp/core';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { MessageAttributes } from './message-attributes.js';
import type { QueueLimits } from './queue-limits.js';
import type { LogRetry, Outgoing } from './outgoing-queues.js';

export interface SqsSenderOptions {
  readonly sqs: SQSClient;
  readonly limits: QueueLimits;
  readonly logger: Logger;
  /** Attributes that go with every envelope, besides those of the wire format. */
  readonly messageAttributes: Readonly<Record<string, string>>;
  /**
   * Whether what is no request goes to FIFO queues in a group of its own, `<group>.control`. A client needs it: a group is
   * blocked while one of its messages is in flight, and a running call would block its own cancellation, and the answers
   * to the questions it asks. A server does not: replies stay in order.
   */
  readonly controlGroup: boolean;
  /** How long a message is tried again after failures that may pass, in milliseconds. Default 60,000. */
  readonly retryForMs?: number | undefined;
  /** Most calls at a time to one standard queue; a FIFO queue has one. Default 4. */
  readonly maxInFlight?: number | undefined;
}

/** A message as it goes to SQS. */
export interface OutgoingMessage {
  readonly body: string;
  readonly attributes: MessageAttributes;
  /** FIFO queues only: messages of one group are delivered one after the other. Default: a group of its own. */
  readonly groupId?: string | undefined;
  /** FIFO queues only: SQS drops a message with the id of another from the last five minutes. Default: a new id. */
  readonly deduplicationId?: string | undefined;
}

/**
 * Sends to any number of queues. Each method resolves when SQS has taken the message. What may pass (network, throttling,
 * SQS itself) is tried again; otherwise they reject with an AsyncMcpError: `ERR_MESSAGE_TOO_LARGE`, `ERR_DESTINATION_GONE`,
 * `ERR_ACCESS_DENIED`, `ERR_TOO_MANY_ATTRIBUTES`, `ERR_MESSAGE_INVALID`, `ERR_UNAVAILABLE`, `ERR_CLOSED`.
 *
 * An aborted `signal` ends the waiting, not a call to SQS that is under way: the message may still have been sent.
 */
export interface SqsSender {
  send(queueUrl: string, message: OutgoingMessage, signal?: AbortSignal): Promise<void>;
  sendEnvelope(queueUrl: string, envelope: Envelope, signal?: AbortSignal): Promise<void>;
  /** Asks the server to end the session of `metadata`. */
  sendTermination(queueUrl: string, metadata: EnvelopeMetadata, signal?: AbortSignal): Promise<void>;
  /** Gives what was accepted one last try, stops waiting for another, and resolves when no call is under way. Idempotent. */
  close(): Promise<void>;
}

export function createSqsSender(options: SqsSenderOptions): SqsSender {
  const { sqs, limits, logger, messageAttributes, controlGroup, retryForMs = 60_000, maxInFlight = 4 } = options;
  let open = 0;
  let allSent = (): void => {};
  let drained: Promise<void> | undefined;
  const closing = new AbortController();
  // Every message in progress listens to it.
  setMaxListeners(0, closing.signal);
  const logRetry: LogRetry = (queueUrl, error, attempt, delayMs) =>
    logger.debug({ err: error, queueUrl, attempt, delayMs }, 'sending failed, trying again');
  const sendBatch = createSendBatch(sqs, limits);
  const enqueue = createOutgoingQueues({ sendBatch, maxInFlight, closing: closing.signal, logRetry });

  async function send(queueUrl: string, message: OutgoingMessage, signal?: AbortSignal): Promise<void> {
    open += 1;
    const link = linkSignals(closing.signal, signal);
    try {
      link.signal.throwIfAborted();
      const item = toOutgoing(queueUrl, message, { signal, deadline: Date.now() + retryForMs });
      const tryOnce = (): Promise<void> => untilAborted(enqueue(queueUrl, item), signal);
      const onRetry = logRetry.bind(undefined, queueUrl);
      const timing = { forMs: retryForMs, signal: link.signal, isTransient, onRetry };
      await (isFifoQueue(queueUrl) ? tryOnce() : retry(tryOnce, timing));
    } catch (error) {
      throw sendError(error, signal);
    } finally {
      link.unlink();
      open -= 1;
      if (open === 0) allSent();
    }
  }

  function sendError(error: unknown, signal: AbortSignal | undefined): AsyncMcpError {
    if (signal?.aborted === true) return toAsyncMcpError(signal.reason, 'ERR_CLOSED', 'Sending was aborted');
    if (!closing.signal.aborted) return toAsyncMcpError(error, 'ERR_INTERNAL', 'Sending failed');
    return isAsyncMcpError(error) && !isTransient(error) ? error : closed(error);
  }

  return {
    send,
    async sendEnvelope(queueUrl, envelope, signal) {
      const attributes = toMessageAttributes(encodeEnvelope(envelope), messageAttributes);
      const groupId = groupOf(envelope, controlGroup && !opensOrCalls(envelope.message));
      const message = { body: toBody(envelope.message), attributes, groupId, deduplicationId: envelope.messageId };
      await send(queueUrl, message, signal);
    },
    async sendTermination(queueUrl, metadata, signal) {
      const attributes = toMessageAttributes(encodeTermination(metadata), messageAttributes);
      const groupId = groupOf(metadata, controlGroup);
      await send(queueUrl, { body: '{}', attributes, groupId, deduplicationId: metadata.messageId }, signal);
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
  queueUrl: string,
  { body, attributes, groupId, deduplicationId = randomUUID() }: OutgoingMessage,
  rest: Pick<Outgoing, 'signal' | 'deadline'>,
): Outgoing {
  const entry = { MessageBody: body, MessageAttributes: attributes };
  const bytes = messageSize(body, attributes);
  if (!isFifoQueue(queueUrl)) return { ...rest, bytes, entry };
  const fifoIds = {
    MessageGroupId: toFifoId(groupId ?? deduplicationId),
    MessageDeduplicationId: toFifoId(deduplicationId),
  };
  return { ...rest, bytes, entry: { ...entry, ...fifoIds } };
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
