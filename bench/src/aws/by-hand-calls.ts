/** The AWS calls that the hand-written sides are made of. */
import { PublishBatchCommand, PublishCommand } from '@aws-sdk/client-sns';
import {
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import type { SNSClient } from '@aws-sdk/client-sns';
import type { Message, SQSClient } from '@aws-sdk/client-sqs';
import type { AwsClients } from './aws-clients.js';
import type { OutgoingMessage } from './by-hand-messages.js';

/** One message a call, for one call at a time; or ten, for many. */
export type Style = 'single' | 'batched';

export async function receive(sqs: SQSClient, queueUrl: string): Promise<Message[]> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl: queueUrl,
      MaxNumberOfMessages: 10,
      WaitTimeSeconds: 20,
      VisibilityTimeout: 30,
      MessageAttributeNames: ['All'],
      MessageSystemAttributeNames: ['ApproximateReceiveCount', 'MessageGroupId'],
    }),
  );
  return Messages;
}

/** To a topic or a queue. */
export async function sendOne({ sns, sqs }: AwsClients, address: string, message: OutgoingMessage): Promise<void> {
  const { body, attributes } = message;
  if (isTopic(address)) {
    await sns.send(new PublishCommand({ TopicArn: address, Message: body, MessageAttributes: attributes }));
  } else {
    await sqs.send(new SendMessageCommand({ QueueUrl: address, MessageBody: body, MessageAttributes: attributes }));
  }
}

/** Up to ten, to a topic or a queue. */
export async function sendBatch(
  { sns, sqs }: AwsClients,
  address: string,
  messages: readonly OutgoingMessage[],
): Promise<void> {
  const send = isTopic(address) ? publishBatch(sns, address, messages) : sendMessageBatch(sqs, address, messages);
  const { Failed = [] } = await send;
  if (Failed.length > 0) throw new Error(`not sent: ${JSON.stringify(Failed)}`);
}

function publishBatch(sns: SNSClient, topicArn: string, messages: readonly OutgoingMessage[]) {
  const entries = messages.map(({ body, attributes }, index) => {
    return { Id: String(index), Message: body, MessageAttributes: attributes };
  });
  return sns.send(new PublishBatchCommand({ TopicArn: topicArn, PublishBatchRequestEntries: entries }));
}

function sendMessageBatch(sqs: SQSClient, queueUrl: string, messages: readonly OutgoingMessage[]) {
  const entries = messages.map(({ body, attributes }, index) => {
    return { Id: String(index), MessageBody: body, MessageAttributes: attributes };
  });
  return sqs.send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries: entries }));
}

function isTopic(address: string): boolean {
  return address.startsWith('arn:');
}

/** Off the critical path: nobody waits for it, and what is to be sent goes first. */
export function deleteOne(sqs: SQSClient, queueUrl: string, { ReceiptHandle }: Message): void {
  setImmediate(() => {
    sqs.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle })).catch(fail);
  });
}

/** Up to ten; off the critical path. */
export function deleteBatch(sqs: SQSClient, queueUrl: string, messages: readonly Message[]): void {
  const Entries = messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
  sqs.send(new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries })).catch(fail);
}

/** A failure spoils the measurement: end it. */
export function fail(error: unknown): never {
  console.error('by hand:', error);
  process.exit(1);
}
