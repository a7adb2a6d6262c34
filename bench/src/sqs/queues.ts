import { CreateQueueCommand } from '@aws-sdk/client-sqs';
import type { SQSClient } from '@aws-sdk/client-sqs';

/** Where the processes of one contender meet. */
export interface Queues {
  readonly endpoint: string;
  readonly requestQueueUrl: string;
  readonly responseQueueUrl: string;
}

export async function createQueues(sqs: SQSClient, endpoint: string, name: string): Promise<Queues> {
  const [requestQueueUrl, responseQueueUrl] = await Promise.all([
    createQueue(sqs, `${name}-requests`),
    createQueue(sqs, `${name}-responses`),
  ]);
  return { endpoint, requestQueueUrl, responseQueueUrl };
}

async function createQueue(sqs: SQSClient, name: string): Promise<string> {
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: name }));
  if (QueueUrl === undefined) throw new Error(`queue ${name} has no URL`);
  return QueueUrl;
}
