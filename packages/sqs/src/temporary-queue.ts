import { randomUUID } from 'node:crypto';
import { CreateQueueCommand, DeleteQueueCommand, GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { AsyncMcpError, isAsyncMcpError, retry } from '@asyncmcp/core';
import { awsCall } from './aws-call.js';
import { withTeardown } from './undo-log.js';
import type { SQSClient } from '@aws-sdk/client-sqs';

/** What every temporary queue's name begins with, so that what a killed process left can be found and deleted. */
export const TEMPORARY_QUEUE_PREFIX = 'asyncmcp-response-';

/** How long a new queue may take to be there for everybody, in milliseconds; SQS says one second (CreateQueue). */
const VISIBLE_WITHIN_MS = 10_000;
/** What nobody fetches is dropped after this, in seconds: one hour, the queue belongs to one client only. */
const RETENTION_SECONDS = 3600;

/** Options of {@link createTemporaryQueue}. */
export interface TemporaryQueueOptions {
  /** Default false. */
  readonly fifo?: boolean | undefined;
  /** The queue's policy, by its name: from the first moment, because a change takes up to a minute to be in force. Default: none. */
  readonly policy?: ((name: string) => string) | undefined;
}

/**
 * Makes a queue for one client's replies and waits until SQS knows it.
 *
 * @throws AsyncMcpError `ERR_ACCESS_DENIED` without permission (sqs:CreateQueue), `ERR_UNAVAILABLE`, `ERR_CLOSED` when aborted;
 *   where the queue was made and could not be deleted, the error says so, and names it in `details.left`
 */
export async function createTemporaryQueue(
  sqs: SQSClient,
  signal: AbortSignal,
  options: TemporaryQueueOptions = {},
): Promise<string> {
  const { fifo = false, policy } = options;
  const name = `${TEMPORARY_QUEUE_PREFIX}${randomUUID()}${fifo ? '.fifo' : ''}`;
  const Attributes = {
    MessageRetentionPeriod: String(RETENTION_SECONDS),
    ...(fifo && { FifoQueue: 'true' }),
    ...(policy !== undefined && { Policy: policy(name) }),
  };
  signal.throwIfAborted();
  const { queueUrl } = await withTeardown(async (log) => {
    const { QueueUrl } = await awsCall({
      doing: `Creating the temporary response queue ${name}`,
      // Not given up when the signal aborts: nobody could say then whether there is a queue to delete.
      call: () => sqs.send(new CreateQueueCommand({ QueueName: name, Attributes })),
      onLate: ({ QueueUrl: late }) => {
        if (late !== undefined) deleteTemporaryQueue(sqs, late).catch(() => {}); // Nobody is left to tell.
      },
    });
    if (QueueUrl === undefined)
      throw new AsyncMcpError('ERR_UNAVAILABLE', `SQS made queue ${name} but did not name its URL.`);
    log.add({ what: `queue ${QueueUrl}`, made: true, undo: () => deleteTemporaryQueue(sqs, QueueUrl) });
    await untilKnown(sqs, QueueUrl, signal);
    return { queueUrl: QueueUrl };
  });
  return queueUrl;
}

async function untilKnown(sqs: SQSClient, queueUrl: string, signal: AbortSignal): Promise<void> {
  try {
    await retry(() => ask(sqs, queueUrl, signal), {
      forMs: VISIBLE_WITHIN_MS,
      signal,
      isTransient: (error) =>
        isAsyncMcpError(error, 'ERR_DESTINATION_GONE') || isAsyncMcpError(error, 'ERR_UNAVAILABLE'),
    });
  } catch (error) {
    // Being allowed to make queues but not to look at them is no reason to fail.
    if (!isAsyncMcpError(error, 'ERR_ACCESS_DENIED')) throw error;
  }
}

/** @throws AsyncMcpError unless the queue is gone, by this call or before it */
export async function deleteTemporaryQueue(sqs: SQSClient, queueUrl: string): Promise<void> {
  try {
    await awsCall({
      doing: `Deleting the temporary response queue ${queueUrl}`,
      call: (abortSignal) => sqs.send(new DeleteQueueCommand({ QueueUrl: queueUrl }), { abortSignal }),
    });
  } catch (error) {
    if (!isAsyncMcpError(error, 'ERR_DESTINATION_GONE')) throw error;
  }
}

async function ask(sqs: SQSClient, queueUrl: string, signal: AbortSignal): Promise<void> {
  await awsCall({
    doing: `Looking at queue ${queueUrl}`,
    signal,
    call: (abortSignal) =>
      sqs.send(new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['QueueArn'] }), { abortSignal }),
  });
}
