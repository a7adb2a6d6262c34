import { setMaxListeners } from 'node:events';
import { DeleteMessageBatchCommand, DeleteMessageCommand } from '@aws-sdk/client-sqs';
import { isAsyncMcpError, retryAfter } from '@asyncmcp/core';
import { awsCall, createSharedAbort } from './aws-call.js';
import { fromHandleFailure, isTransient } from './aws-errors.js';
import { createBatcher } from './batcher.js';
import { createMiddlewareOrder } from './middleware-order.js';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { BatchOutcome } from './batcher.js';

/** Longest trying to delete a message, in milliseconds: less than what is left of a lease of the default 30 seconds. */
const DELETE_FOR_MS = 10_000;

/**
 * Deletes messages from a queue, batched. The result deletes one message by its receipt handle.
 *
 * @throws AsyncMcpError `ERR_LEASE_LOST`, `ERR_UNAVAILABLE`, `ERR_ACCESS_DENIED` …; the message will be received again
 */
export function createDeletes(sqs: SQSClient, queueUrl: string): (receiptHandle: string) => Promise<void> {
  const doing = `Deleting from queue ${queueUrl}`;
  const sharedAbort = createSharedAbort();
  const [prepareOne, prepareMany] = [createMiddlewareOrder(), createMiddlewareOrder()];
  // Nobody waits for a delete: the reply or the call that is about to be sent goes first.
  const batcher = createBatcher<string, void>({ maxEntries: 10, maxInFlight: 2, start: 'turn', run });

  async function run(receiptHandles: readonly string[]): Promise<BatchOutcome<void>[]> {
    const [only, ...others] = receiptHandles;
    if (only !== undefined && others.length === 0) return [await deleteOne(only)];
    const Entries = receiptHandles.map((ReceiptHandle, index) => ({ Id: String(index), ReceiptHandle }));
    const command = prepareMany(new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
    const { Failed = [] } = await awsCall({
      doing,
      sharedAbort,
      call: (abortSignal) => sqs.send(command, { abortSignal }),
    });
    const failures = new Map(Failed.map((failure) => [failure.Id, failure]));
    return receiptHandles.map((_, index) => {
      const failure = failures.get(String(index));
      return failure === undefined
        ? { ok: true, value: undefined }
        : { ok: false, error: fromHandleFailure(failure, doing) };
    });
  }

  /** A lone message is deleted as one: the call is cheaper. */
  async function deleteOne(ReceiptHandle: string): Promise<BatchOutcome<void>> {
    const command = prepareOne(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle }));
    try {
      await awsCall({ doing, sharedAbort, call: (abortSignal) => sqs.send(command, { abortSignal }) });
      return { ok: true, value: undefined };
    } catch (error) {
      // What SQS has against the request itself can only be the handle.
      if (!isAsyncMcpError(error, 'ERR_MESSAGE_INVALID')) throw error;
      const Code = String(error.details['awsCode']);
      return {
        ok: false,
        error: fromHandleFailure({ Id: '0', Code, Message: error.message, SenderFault: true }, doing),
      };
    }
  }

  // Deletes are not given up: closing waits for them.
  const { signal } = new AbortController();
  setMaxListeners(0, signal);
  const timing = { forMs: DELETE_FOR_MS, signal, isTransient };
  return (receiptHandle) =>
    batcher.add(receiptHandle).catch((error: unknown) => retryAfter(error, () => batcher.add(receiptHandle), timing));
}
