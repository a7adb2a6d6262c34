import { AsyncMcpError } from '@asyncmcp/core';
import { isTransient } from './aws-errors.js';
import { createBatcher } from './batcher.js';
import { isFifo } from './fifo.js';
import { MAX_MESSAGE_BYTES } from './queue-limits.js';
import { sendInOrder } from './send-in-order.js';
import type { Batcher, BatchOutcome } from './batcher.js';
import type { OutgoingEntry, SendBatch } from './send-batch.js';

/** A message waiting to be sent. */
export interface Outgoing extends OutgoingEntry {
  readonly signal: AbortSignal | undefined;
  /** When no further try begins, in milliseconds since the epoch. */
  readonly deadline: number;
}

export type LogRetry = (queueUrl: string, error: unknown, attempt: number, delayMs: number) => void;

export interface OutgoingQueuesOptions {
  readonly sendBatch: SendBatch;
  /** Most calls at a time to one standard queue; a FIFO queue has one, for its order. */
  readonly maxInFlight: number;
  /** Aborts when the sender is closed. */
  readonly closing: AbortSignal;
  readonly logRetry: LogRetry;
}

/**
 * One batcher for each queue in use; the result adds a message to that of its queue. For a standard queue that is one
 * try. For a FIFO queue it is all tries until the message's deadline: what comes after it must not overtake it.
 */
export function createOutgoingQueues(
  options: OutgoingQueuesOptions,
): (queueUrl: string, item: Outgoing) => Promise<void> {
  const attempt = createAttempt(options.sendBatch, options.closing);
  const batchers = new Map<string, Batcher<Outgoing, void>>();

  function create(queueUrl: string): Batcher<Outgoing, void> {
    const fifo = isFifo(queueUrl);
    const tryOnce = (items: readonly Outgoing[]): Promise<BatchOutcome<void>[]> => attempt(queueUrl, items);
    const onRetry = options.logRetry.bind(undefined, queueUrl);
    return createBatcher<Outgoing, void>({
      maxEntries: 10,
      maxBytes: MAX_MESSAGE_BYTES,
      sizeOf: (item) => item.bytes,
      maxInFlight: fifo ? 1 : options.maxInFlight,
      // A server writes to as many queues as it has clients: only those in use are kept.
      onIdle: () => batchers.delete(queueUrl),
      run: (items) => {
        if (!fifo) return tryOnce(items);
        const forMs = Math.max(...items.map((item) => item.deadline)) - Date.now();
        return sendInOrder(items, tryOnce, { forMs, signal: options.closing, onRetry });
      },
    });
  }

  return (queueUrl, item) => {
    const batcher = batchers.get(queueUrl) ?? create(queueUrl);
    batchers.set(queueUrl, batcher);
    return batcher.add(item);
  };
}

type Attempt = (queueUrl: string, items: readonly Outgoing[]) => Promise<BatchOutcome<void>[]>;

/**
 * One try for some items, without those that nobody waits for any more. Once a try has failed after `closing` aborted,
 * the rest of what was waiting fails at once: with many messages queued up, closing would otherwise take minutes.
 */
function createAttempt(sendBatch: SendBatch, closing: AbortSignal): Attempt {
  let failedInClosing = false;
  return async (queueUrl, items) => {
    const wanted = items.filter((item) => !failedInClosing && item.signal?.aborted !== true);
    const outcomes = wanted.length > 0 ? await sendBatch(queueUrl, wanted) : [];
    failedInClosing ||= closing.aborted && outcomes.some((outcome) => !outcome.ok && isTransient(outcome.error));
    const byItem = new Map(wanted.map((item, index) => [item, outcomes[index]]));
    return items.map((item) => byItem.get(item) ?? { ok: false, error: abortReason(item) ?? closed() });
  };
}

function abortReason(item: Outgoing): unknown {
  return item.signal?.reason;
}

/** The error of whatever is asked of a closed sender. */
export function closed(cause?: unknown): AsyncMcpError {
  return new AsyncMcpError('ERR_CLOSED', 'The sender is closed; the message was not sent.', { cause });
}
