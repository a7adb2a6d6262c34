import { AsyncMcpError, TransientMap, backoffDelay, createDelivery, toAsyncMcpError } from '@asyncmcp/core';
import { createLeases } from './leases.js';
import { decodeMessage } from './message-attributes.js';
import { createPoller } from './poller.js';
import { createSettlements } from './settlements.js';
import type { Delivery, Logger } from '@asyncmcp/core';
import type { Message, SQSClient } from '@aws-sdk/client-sqs';
import type { DeadLetter } from './dead-letter.js';
import type { ConsumedMessage, HeldMessage } from './settlements.js';

/** Options of {@link createSqsConsumer}. */
export interface SqsConsumerOptions {
  /** The AWS client. It is not destroyed. */
  readonly sqs: SQSClient;
  /** The queue to receive from. */
  readonly queueUrl: string;
  /**
   * Takes one delivery. Until its promise resolves, the message takes up one of `limit` places; it stays leased until it is
   * settled, which may be later. If it rejects, that is reported and the message is given back.
   */
  readonly handle: (delivery: Delivery) => Promise<void>;
  /** Most deliveries being handled at a time. At the limit nothing is polled. */
  readonly limit: number;
  /** Longest long poll, in seconds, 1 to 20. */
  readonly waitTimeSeconds: number;
  /** For how long a received message is invisible to others unless extended, in seconds. */
  readonly visibilityTimeoutSeconds: number;
  /** Where what can never be handled goes. */
  readonly deadLetter: DeadLetter;
  /** pino-compatible. */
  readonly logger: Logger;
  /** Told of failures, with the message they are about if there is one. */
  readonly onerror: (error: AsyncMcpError, message?: ConsumedMessage) => void;
}

/** Receives from one queue, with one long poll at a time. */
export interface SqsConsumer {
  /** @throws AsyncMcpError `ERR_ALREADY_STARTED`, `ERR_CLOSED` */
  start(): void;
  /** Lets others who receive from the queue go first: for who has received what is theirs. */
  giveWay(): void;
  /** Aborts the long poll at once and resolves. What is held stays leased and can still be settled. Idempotent. */
  stopPolling(): Promise<void>;
  /** Stops polling, gives back what is not settled, finishes what is being settled. Idempotent; never rejects. */
  close(): Promise<void>;
  /** Messages received and not settled yet, including what is being deleted. */
  readonly inFlight: number;
}

interface InHand {
  readonly held: HeldMessage;
  readonly delivery: Delivery;
}

/** A consumer that does nothing before its `start()`. */
export function createSqsConsumer(options: SqsConsumerOptions): SqsConsumer {
  const { queueUrl, limit, logger } = options;
  const heldById = new TransientMap<string, InHand>();
  const leases = createLeases(options);
  const settlements = createSettlements({ ...options, report, forget });
  const onMessages = (messages: readonly Message[]): void => messages.forEach(accept);
  const poller = createPoller({ ...options, room: () => limit - handling, onMessages, onError: report });
  let handling = 0;
  let state: 'new' | 'started' | 'stopped' = 'new';
  let closed: Promise<void> | undefined;

  function accept(message: Message): void {
    const { MessageId: id, ReceiptHandle: receiptHandle } = message;
    // Every received message has both; the types do not say so.
    if (id === undefined || receiptHandle === undefined) return;
    const known = heldById.get(id)?.held;
    if (known !== undefined) receivedAgain(known, receiptHandle);
    else if (state === 'stopped') void giveBackUnseen(receiptHandle);
    else void handOut(hold(message, id, receiptHandle));
  }

  /** The lease ran out, or SQS delivered twice: the one being handled goes on, with the receipt handle that is good now. */
  function receivedAgain(held: HeldMessage, receiptHandle: string): void {
    logger.debug({ queueUrl, messageId: held.info.messageId }, 'received again while it is being handled');
    held.lease.renew(receiptHandle);
    if (held.done) void settlements.deleteCopy(held, receiptHandle);
  }

  /** Received by a poll that was under way when polling was stopped. */
  async function giveBackUnseen(receiptHandle: string): Promise<void> {
    try {
      await leases.hold(receiptHandle, () => {}).giveBack(0);
    } catch (error) {
      logger.debug({ err: error, queueUrl }, 'a message received after the stop comes back when its lease runs out');
    }
  }

  function hold(message: Message, messageId: string, receiptHandle: string): InHand {
    const info = { messageId, attempt: attemptOf(message), envelope: decodeMessage(message) };
    const lease = leases.hold(receiptHandle, (error) => report(error, info));
    const held = { message, info, lease, done: false };
    const delivery = createDelivery(info.envelope, info.attempt, settlements.of(held));
    const inHand = { held, delivery };
    heldById.set(messageId, inHand);
    return inHand;
  }

  function forget(held: HeldMessage): void {
    const { messageId } = held.info;
    if (heldById.get(messageId)?.held === held) heldById.delete(messageId);
  }

  async function handOut({ delivery, held }: InHand): Promise<void> {
    handling += 1;
    try {
      await options.handle(delivery);
    } catch (error) {
      report(toAsyncMcpError(error, 'ERR_INTERNAL', 'Handling a message failed'), held.info);
      void delivery.retry(backoffDelay(delivery.attempt, { baseMs: 1_000, maxMs: 60_000 }));
    }
    handling -= 1;
    poller.wake();
  }

  /** Whatever the user's callback does, it must not stop what was being done. */
  function report(error: AsyncMcpError, message?: ConsumedMessage): void {
    try {
      options.onerror(error, message);
    } catch (thrown) {
      process.emitWarning(toAsyncMcpError(thrown, 'ERR_INTERNAL', 'onerror of an asyncmcp object threw'));
    }
  }

  function stopPolling(): Promise<void> {
    state = 'stopped';
    return poller.stop();
  }

  async function close(): Promise<void> {
    await stopPolling();
    // Does nothing where a delivery is settled already.
    for (const { delivery } of heldById.values()) void delivery.retry(0);
    await settlements.close();
    await leases.close();
  }

  return {
    start() {
      if (state === 'stopped') throw new AsyncMcpError('ERR_CLOSED', 'The consumer was stopped; make a new one.');
      if (state === 'started') throw new AsyncMcpError('ERR_ALREADY_STARTED', 'The consumer was started already.');
      state = 'started';
      poller.start();
    },
    giveWay: () => poller.giveWay(),
    stopPolling,
    close: () => (closed ??= close()),
    get inFlight() {
      return heldById.size;
    },
  };
}

/** Never less than 1: emulators leave the count out. */
function attemptOf(message: Message): number {
  const count = Number(message.Attributes?.ApproximateReceiveCount);
  return Number.isSafeInteger(count) && count > 1 ? count : 1;
}
