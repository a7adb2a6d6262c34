/** The AWS calls that the hand-written sides are made of. */
import {
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import type { Message, SQSClient } from '@aws-sdk/client-sqs';
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
      MessageSystemAttributeNames: ['ApproximateReceiveCount'],
    }),
  );
  return Messages;
}

export async function sendOne(sqs: SQSClient, queueUrl: string, message: OutgoingMessage): Promise<void> {
  await sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, ...message }));
}

/** Up to ten. */
export async function sendBatch(sqs: SQSClient, queueUrl: string, messages: readonly OutgoingMessage[]): Promise<void> {
  const Entries = messages.map((message, index) => ({ Id: String(index), ...message }));
  const { Failed = [] } = await sqs.send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
  if (Failed.length > 0) throw new Error(`not sent: ${JSON.stringify(Failed)}`);
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
