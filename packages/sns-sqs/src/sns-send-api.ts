import { PublishBatchCommand, PublishCommand } from '@aws-sdk/client-sns';
import { AsyncMcpError } from '@asyncmcp/core';
import {
  MAX_MESSAGE_BYTES,
  MIN_MESSAGE_LIMIT_BYTES,
  awsCall,
  createMiddlewareOrder,
  createSharedAbort,
} from '@asyncmcp/sqs';
import type { AwsCall, OutgoingEntry, SendApi } from '@asyncmcp/sqs';
import type { PublishBatchRequestEntry, SNSClient } from '@aws-sdk/client-sns';

/** Publishing to SNS topics, whose limits are those of SQS queues but for the default. */
export function createSnsSendApi(sns: SNSClient, limitBytes: (topicArn: string) => Promise<number>): SendApi {
  const sharedAbort = createSharedAbort();
  const [prepareOne, prepareMany] = [createMiddlewareOrder(), createMiddlewareOrder()];
  const publish = <T>(topicArn: string, call: AwsCall<T>['call']): Promise<T> =>
    awsCall({ doing: doing(topicArn), sharedAbort, call });
  return {
    doing,
    sendOne(topicArn, entry) {
      const command = prepareOne(new PublishCommand({ TopicArn: topicArn, ...toEntry(entry) }));
      return publish(topicArn, (abortSignal) => sns.send(command, { abortSignal }));
    },
    sendMany(topicArn, entries) {
      const PublishBatchRequestEntries = entries.map((entry, index) => ({ ...toEntry(entry), Id: String(index) }));
      const command = prepareMany(new PublishBatchCommand({ TopicArn: topicArn, PublishBatchRequestEntries }));
      return publish(topicArn, (abortSignal) => sns.send(command, { abortSignal }));
    },
    limitBytes,
    alwaysFits: MIN_MESSAGE_LIMIT_BYTES,
    tooLarge: (topicArn, bytes, limit) =>
      new AsyncMcpError(
        'ERR_MESSAGE_TOO_LARGE',
        `The message is ${bytes} bytes with its attributes, but topic ${topicArn} takes at most ${limit} bytes. ` +
          `Make the message smaller, or raise the topic's MaximumMessageSize (at most ${MAX_MESSAGE_BYTES}).`,
        { details: { bytes, limitBytes: limit } },
      ),
  };
}

function toEntry({ body, attributes, fifo }: OutgoingEntry): Omit<PublishBatchRequestEntry, 'Id' | 'Message'> & {
  Message: string;
} {
  const entry = { Message: body, MessageAttributes: attributes };
  if (fifo === undefined) return entry;
  return { ...entry, MessageGroupId: fifo.groupId, MessageDeduplicationId: fifo.deduplicationId };
}

function doing(topicArn: string): string {
  return `Publishing to topic ${topicArn}`;
}
