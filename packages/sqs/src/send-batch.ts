import { SendMessageBatchCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { AsyncMcpError, isAsyncMcpError } from '@asyncmcp/core';
import { awsCall } from './aws-call.js';
import { fromBatchEntry } from './aws-errors.js';
import { createGate } from './gate.js';
import { MAX_MESSAGE_BYTES, MIN_MESSAGE_LIMIT_BYTES } from './queue-limits.js';
import type { BatchOutcome } from './batcher.js';
import type { QueueLimits } from './queue-limits.js';
import type { SendMessageBatchRequestEntry, SendMessageBatchResult, SQSClient } from '@aws-sdk/client-sqs';

/** A message ready to be sent. */
export interface OutgoingEntry {
  readonly entry: Omit<SendMessageBatchRequestEntry, 'Id'>;
  /** Its size as SQS counts it. */
  readonly bytes: number;
}

/** Sends up to ten messages to a queue in one call; resolves with one outcome for each, in their order. Never rejects. */
export type SendBatch = (queueUrl: string, entries: readonly OutgoingEntry[]) => Promise<BatchOutcome<void>[]>;

/**
 * Most calls at a time, to all queues together. An AWS client has 50 sockets by default; with some left over, the
 * heartbeats of calls in progress do not queue up behind replies.
 */
const MAX_CALLS = 32;

export function createSendBatch(sqs: SQSClient, limits: QueueLimits): SendBatch {
  const gate = createGate(MAX_CALLS);

  async function call(
    queueUrl: string,
    entries: readonly OutgoingEntry[],
  ): Promise<Map<OutgoingEntry, BatchOutcome<void>>> {
    const doing = sendingTo(queueUrl);
    const [only, ...others] = entries;
    if (only !== undefined && others.length === 0) {
      // A lone message goes as one: the call is cheaper, and with one call at a time it is on everybody's way.
      const command = new SendMessageCommand({ QueueUrl: queueUrl, ...only.entry });
      await gate(() => awsCall({ doing, call: (abortSignal) => sqs.send(command, { abortSignal }) }));
      return new Map([[only, { ok: true, value: undefined }]]);
    }
    // The place in the batch identifies an entry: ids need to be unique within one call only.
    const Entries = entries.map(({ entry }, index) => ({ ...entry, Id: String(index) }));
    const command = new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries });
    const result = await gate(() => awsCall({ doing, call: (abortSignal) => sqs.send(command, { abortSignal }) }));
    return outcomesOf(queueUrl, entries, result);
  }

  async function limitFor(queueUrl: string, entries: readonly OutgoingEntry[]): Promise<number> {
    // Most messages are small: they need no look at the queue, of which a server with many clients writes to many.
    if (entries.every(({ bytes }) => bytes <= MIN_MESSAGE_LIMIT_BYTES)) return MAX_MESSAGE_BYTES;
    return (await limits.get(queueUrl)).maximumMessageSize;
  }

  /** Other brokers than SQS may take less in a batch than in as many single messages: then in smaller batches. */
  async function sendFitting(
    queueUrl: string,
    entries: readonly OutgoingEntry[],
  ): Promise<Map<OutgoingEntry, BatchOutcome<void>>> {
    if (entries.length === 0) return new Map();
    try {
      return await call(queueUrl, entries);
    } catch (error) {
      if (entries.length === 1 || !isAsyncMcpError(error, 'ERR_MESSAGE_TOO_LARGE')) throw error;
      const half = Math.ceil(entries.length / 2);
      // One after the other, for the order of FIFO queues.
      const first = await settled(queueUrl, entries.slice(0, half));
      return new Map([...first, ...(await settled(queueUrl, entries.slice(half)))]);
    }
  }

  async function settled(
    queueUrl: string,
    entries: readonly OutgoingEntry[],
  ): Promise<Map<OutgoingEntry, BatchOutcome<void>>> {
    try {
      return await sendFitting(queueUrl, entries);
    } catch (error) {
      return new Map(entries.map((entry) => [entry, failed(error)]));
    }
  }

  return async (queueUrl, entries) => {
    try {
      const limitBytes = await limitFor(queueUrl, entries);
      const fitting = entries.filter(({ bytes }) => bytes <= limitBytes);
      const sent = await sendFitting(queueUrl, fitting);
      return entries.map((entry) => sent.get(entry) ?? failed(tooLarge(queueUrl, entry.bytes, limitBytes)));
    } catch (error) {
      return entries.map(() => failed(error));
    }
  };
}

function outcomesOf(
  queueUrl: string,
  entries: readonly OutgoingEntry[],
  { Successful = [], Failed = [] }: Partial<SendMessageBatchResult>,
): Map<OutgoingEntry, BatchOutcome<void>> {
  const taken = new Set(Successful.map(({ Id }) => Id));
  return new Map(
    entries.map((entry, index) => {
      const id = String(index);
      if (taken.has(id)) return [entry, { ok: true, value: undefined }];
      // An answer that does not mention an entry leaves open whether it was taken; sending it again is safe.
      const failure = Failed.find(({ Id }) => Id === id) ?? {
        Code: 'InternalError',
        Message: 'no answer',
        SenderFault: false,
      };
      return [entry, failed(fromBatchEntry(failure, sendingTo(queueUrl), { queueUrl }))];
    }),
  );
}

function failed(error: unknown): BatchOutcome<void> {
  return { ok: false, error };
}

function tooLarge(queueUrl: string, bytes: number, limitBytes: number): AsyncMcpError {
  return new AsyncMcpError(
    'ERR_MESSAGE_TOO_LARGE',
    `The message is ${bytes} bytes with its attributes, but queue ${queueUrl} takes at most ${limitBytes} bytes. ` +
      `Make the message smaller, or raise the queue's MaximumMessageSize (at most ${MAX_MESSAGE_BYTES}).`,
    { details: { bytes, limitBytes } },
  );
}

function sendingTo(queueUrl: string): string {
  return `Sending to queue ${queueUrl}`;
}
