import { randomUUID } from 'node:crypto';
import { provisionSnsSqs } from '@asyncmcp/sns-sqs';
import type { Channels } from '../aws/channels.js';
import type { Emulator } from '../aws/emulator.js';

/** A topic with a queue each way: raw delivery, and only what is for the client into its queue. */
export async function createTopics({ sns, sqs, endpoint }: Emulator, name: string): Promise<Channels> {
  const clientId = randomUUID();
  const [requests, responses] = [`${name}-requests`, `${name}-responses`];
  const { requestTopicArn, requestQueueUrl, responseTopicArn, responseQueueUrl } = await provisionSnsSqs({
    sns,
    sqs,
    requestTopicName: requests,
    requestQueueName: requests,
    responseTopicName: responses,
    responseQueueName: responses,
    clientId,
  });
  if (responseQueueUrl === undefined) throw new Error(`queue ${responses} has no URL`);
  return {
    endpoint,
    clientId,
    requests: { address: requestTopicArn, queueUrl: requestQueueUrl },
    responses: { address: responseTopicArn, queueUrl: responseQueueUrl },
  };
}
