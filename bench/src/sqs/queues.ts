import { randomUUID } from 'node:crypto';
import { CreateQueueCommand } from '@aws-sdk/client-sqs';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { Channel, Channels } from '../aws/channels.js';
import type { Emulator } from '../aws/emulator.js';

/** A queue each way. */
export async function createQueues({ sqs, endpoint }: Emulator, name: string): Promise<Channels> {
  const [requests, responses] = await Promise.all([
    createQueue(sqs, `${name}-requests`),
    createQueue(sqs, `${name}-responses`),
  ]);
  return { endpoint, clientId: randomUUID(), requests, responses };
}

async function createQueue(sqs: SQSClient, name: string): Promise<Channel> {
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: name }));
  if (QueueUrl === undefined) throw new Error(`queue ${name} has no URL`);
  return { address: QueueUrl, queueUrl: QueueUrl };
}
