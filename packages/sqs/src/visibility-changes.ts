import { ChangeMessageVisibilityBatchCommand } from '@aws-sdk/client-sqs';
import { API_TIMEOUT_MS, awsCall } from './aws-call.js';
import { fromHandleFailure } from './aws-errors.js';
import { createBatcher } from './batcher.js';
import { createMiddlewareOrder } from './middleware-order.js';
import type { BatchResultErrorEntry, SQSClient } from '@aws-sdk/client-sqs';
import type { Batcher, BatchOutcome } from './batcher.js';

/** A change that was made. */
export interface MadeChange {
  readonly receiptHandle: string;
  /** When the call was sent, in milliseconds since the epoch. */
  readonly sentAt: number;
  /** When the message becomes visible again, by this process's clock and at the earliest. */
  readonly visibleAt: number;
}

/** What a batch asks of SQS for one message. */
export interface VisibilityRequest {
  readonly receiptHandle: string;
  /** From now on, 0 to 43,200. */
  readonly seconds: number;
}

/** Asked when the batch is built, so that it is the latest state that goes out; undefined: nothing to change any more. */
export type VisibilityChange = (now: number) => VisibilityRequest | undefined;

export interface VisibilityChangesOptions {
  readonly sqs: SQSClient;
  readonly queueUrl: string;
  readonly visibilityTimeoutSeconds: number;
}

/**
 * Changes of visibility, batched. One call at a time, so that changes of one message take effect in the order they were
 * added. An item resolves with undefined if there was nothing to change, and rejects with `ERR_LEASE_LOST` if SQS no
 * longer takes the receipt handle.
 */
export function createVisibilityChanges(
  options: VisibilityChangesOptions,
): Batcher<VisibilityChange, MadeChange | undefined> {
  const { sqs, queueUrl, visibilityTimeoutSeconds } = options;
  const prepare = createMiddlewareOrder();
  const doing = `Changing message visibility in queue ${queueUrl}`;
  // A heartbeat that hangs must leave time for another before the lease runs out.
  const timeoutMs = Math.min(API_TIMEOUT_MS, Math.max(1_000, (visibilityTimeoutSeconds * 1_000) / 3));

  async function change(requests: readonly VisibilityRequest[]): Promise<readonly BatchResultErrorEntry[]> {
    if (requests.length === 0) return [];
    const Entries = requests.map(({ receiptHandle, seconds }, index) => ({
      Id: String(index),
      ReceiptHandle: receiptHandle,
      VisibilityTimeout: seconds,
    }));
    const command = prepare(new ChangeMessageVisibilityBatchCommand({ QueueUrl: queueUrl, Entries }));
    const { Failed = [] } = await awsCall({
      doing,
      timeoutMs,
      call: (abortSignal) => sqs.send(command, { abortSignal }),
    });
    return Failed;
  }

  return createBatcher({
    maxEntries: 10,
    maxInFlight: 1,
    run: async (changes) => {
      const sentAt = Date.now();
      const wanted = changes.map((item) => item(sentAt));
      const requests = wanted.filter((request) => request !== undefined);
      const failures = new Map((await change(requests)).map((failure) => [failure.Id, failure]));
      return wanted.map((request): BatchOutcome<MadeChange | undefined> => {
        if (request === undefined) return { ok: true, value: undefined };
        const failure = failures.get(String(requests.indexOf(request)));
        return failure === undefined ? made(request, sentAt) : { ok: false, error: fromHandleFailure(failure, doing) };
      });
    },
  });
}

function made({ receiptHandle, seconds }: VisibilityRequest, sentAt: number): BatchOutcome<MadeChange> {
  return { ok: true, value: { receiptHandle, sentAt, visibleAt: sentAt + seconds * 1_000 } };
}
