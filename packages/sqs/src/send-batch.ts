import { isAsyncMcpError } from '@asyncmcp/core';
import { fromBatchEntry } from './aws-errors.js';
import { createGate } from './gate.js';
import type { AsyncMcpError } from '@asyncmcp/core';
import type { BatchOutcome } from './batcher.js';
import type { MessageAttributes } from './message-attributes.js';

/** A message ready to be sent. */
export interface OutgoingEntry {
  /** The text of the message. */
  readonly body: string;
  /** What goes beside it, ten at most. */
  readonly attributes: MessageAttributes;
  /** For FIFO queues and topics. */
  readonly fifo: { readonly groupId: string; readonly deduplicationId: string } | undefined;
  /** Its size as AWS counts it. */
  readonly bytes: number;
}

/** What AWS answers for the entries of a batch. */
export interface BatchResult {
  /** The entries that were taken. */
  readonly Successful?: readonly { readonly Id?: string | undefined }[] | undefined;
  /** Those that were not, and whether the sender is to blame. */
  readonly Failed?:
    | readonly {
        readonly Id: string | undefined;
        readonly Code: string | undefined;
        readonly Message?: string | undefined;
        readonly SenderFault: boolean | undefined;
      }[]
    | undefined;
}

/** The AWS service that takes the messages: SQS for queues, SNS for topics. */
export interface SendApi {
  /** What is being done, for error messages: "Sending to queue https://…". */
  doing(address: string): string;
  /** Sends one message. Rejects with an AsyncMcpError. */
  sendOne(address: string, entry: OutgoingEntry): Promise<unknown>;
  /** Sends up to ten messages, each identified by its place. Rejects with an AsyncMcpError. */
  sendMany(address: string, entries: readonly OutgoingEntry[]): Promise<BatchResult>;
  /** Largest message that a destination takes, in bytes. Asked only for messages larger than `alwaysFits`. */
  limitBytes(address: string): Promise<number>;
  /** What is not larger fits into every destination, in bytes. */
  readonly alwaysFits: number;
  /** What to say about a message that is too large for its destination, with both sizes. */
  tooLarge(address: string, bytes: number, limitBytes: number): AsyncMcpError;
}

/** Sends up to ten messages to one destination in one call; resolves with one outcome for each, in their order. Never rejects. */
export type SendBatch = (address: string, entries: readonly OutgoingEntry[]) => Promise<BatchOutcome<void>[]>;

type Outcomes = Map<OutgoingEntry, BatchOutcome<void>>;

/**
 * Most calls at a time, to all destinations together. An AWS client has 50 sockets by default; with some left over, the
 * heartbeats of calls in progress do not queue up behind replies.
 */
const MAX_CALLS = 32;

const TAKEN: BatchOutcome<void> = { ok: true, value: undefined };

export function createSendBatch(api: SendApi): SendBatch {
  const gate = createGate(MAX_CALLS);

  async function call(address: string, entries: readonly OutgoingEntry[]): Promise<Outcomes> {
    const [only, ...others] = entries;
    if (only !== undefined && others.length === 0) {
      // A lone message goes as one: the call is cheaper, and with one call at a time it is on everybody's way.
      await gate(() => api.sendOne(address, only));
      return new Map([[only, TAKEN]]);
    }
    const result = await gate(() => api.sendMany(address, entries));
    return outcomesOf(api.doing(address), address, entries, result);
  }

  async function limitFor(address: string, entries: readonly OutgoingEntry[]): Promise<number> {
    // Most messages are small: they need no look at the destination, of which a server with many clients has many.
    if (entries.every(({ bytes }) => bytes <= api.alwaysFits)) return Infinity;
    return api.limitBytes(address);
  }

  /** Other brokers than AWS's may take less in a batch than in as many single messages: then in smaller batches. */
  async function sendFitting(address: string, entries: readonly OutgoingEntry[]): Promise<Outcomes> {
    if (entries.length === 0) return new Map();
    try {
      return await call(address, entries);
    } catch (error) {
      if (entries.length === 1 || !isAsyncMcpError(error, 'ERR_MESSAGE_TOO_LARGE')) throw error;
      const half = Math.ceil(entries.length / 2);
      // One after the other, for the order of FIFO queues.
      const first = await settled(address, entries.slice(0, half));
      return new Map([...first, ...(await settled(address, entries.slice(half)))]);
    }
  }

  async function settled(address: string, entries: readonly OutgoingEntry[]): Promise<Outcomes> {
    try {
      return await sendFitting(address, entries);
    } catch (error) {
      return new Map(entries.map((entry) => [entry, failed(error)]));
    }
  }

  return async (address, entries) => {
    try {
      const limitBytes = await limitFor(address, entries);
      const fitting = entries.filter(({ bytes }) => bytes <= limitBytes);
      const sent = await sendFitting(address, fitting);
      return entries.map((entry) => sent.get(entry) ?? failed(api.tooLarge(address, entry.bytes, limitBytes)));
    } catch (error) {
      return entries.map(() => failed(error));
    }
  };
}

function outcomesOf(
  doing: string,
  address: string,
  entries: readonly OutgoingEntry[],
  { Successful = [], Failed = [] }: BatchResult,
): Outcomes {
  const taken = new Set(Successful.map(({ Id }) => Id));
  return new Map(
    entries.map((entry, index) => {
      const id = String(index);
      if (taken.has(id)) return [entry, TAKEN];
      // An answer that does not mention an entry leaves open whether it was taken; sending it again is safe.
      const failure = Failed.find(({ Id }) => Id === id) ?? NO_ANSWER;
      return [entry, failed(fromBatchEntry(failure, doing, { address }))];
    }),
  );
}

const NO_ANSWER = { Id: undefined, Code: 'InternalError', Message: 'no answer', SenderFault: false };

function failed(error: unknown): BatchOutcome<void> {
  return { ok: false, error };
}
