import { SendMessageBatchCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { AsyncMcpError } from '@asyncmcp/core';
import { awsCall, createSharedAbort } from './aws-call.js';
import { createMiddlewareOrder } from './middleware-order.js';
import { MAX_MESSAGE_BYTES, MIN_MESSAGE_LIMIT_BYTES } from './queue-limits.js';
import type { SendMessageBatchRequestEntry, SQSClient } from '@aws-sdk/client-sqs';
import type { AwsCall } from './aws-call.js';
import type { QueueLimits } from './queue-limits.js';
import type { OutgoingEntry, SendApi } from './send-batch.js';

/** Sending to SQS queues. */
export function createSqsSendApi(sqs: SQSClient, limits: QueueLimits): SendApi {
  const sharedAbort = createSharedAbort();
  const [prepareOne, prepareMany] = [createMiddlewareOrder(), createMiddlewareOrder()];
  const send = <T>(queueUrl: string, call: AwsCall<T>['call']): Promise<T> =>
    awsCall({ doing: doing(queueUrl), sharedAbort, call });
  return {
    doing,
    sendOne(queueUrl, entry) {
      const command = prepareOne(new SendMessageCommand({ QueueUrl: queueUrl, ...toEntry(entry) }));
      return send(queueUrl, (abortSignal) => sqs.send(command, { abortSignal }));
    },
    sendMany(queueUrl, entries) {
      const Entries = entries.map((entry, index) => ({ ...toEntry(entry), Id: String(index) }));
      const command = prepareMany(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
      return send(queueUrl, (abortSignal) => sqs.send(command, { abortSignal }));
    },
    limitBytes: async (queueUrl) => (await limits.get(queueUrl)).maximumMessageSize,
    alwaysFits: MIN_MESSAGE_LIMIT_BYTES,
    tooLarge: (queueUrl, bytes, limitBytes) =>
      new AsyncMcpError(
        'ERR_MESSAGE_TOO_LARGE',
        `The message is ${bytes} bytes with its attributes, but queue ${queueUrl} takes at most ${limitBytes} bytes. ` +
          `Make the message smaller, or raise the queue's MaximumMessageSize (at most ${MAX_MESSAGE_BYTES}).`,
        { details: { bytes, limitBytes } },
      ),
  };
}

function toEntry({ body, attributes, fifo }: OutgoingEntry): Omit<SendMessageBatchRequestEntry, 'Id'> {
  const entry = { MessageBody: body, MessageAttributes: attributes };
  if (fifo === undefined) return entry;
  return { ...entry, MessageGroupId: fifo.groupId, MessageDeduplicationId: fifo.deduplicationId };
}

function doing(queueUrl: string): string {
  return `Sending to queue ${queueUrl}`;
}
