import { randomUUID } from 'node:crypto';
import { provisionSnsSqs } from '@asyncmcp/sns-sqs';
import type { Channels } from '../aws/channels.js';
import type { Emulator } from '../aws/emulator.js';

/** A topic with a queue each way: raw delivery, and only what is for the client into its queue. */
export function createTopics(emulator: Emulator, name: string): Promise<Channels> {
  const clientId = randomUUID();
  return provision(emulator, name, { clientId, filter: { clientId } });
}

/** The same without the filter: the queue for replies is that of as many clients as there are. */
export function createSharedTopics(emulator: Emulator, name: string): Promise<Channels> {
  return provision(emulator, name, { clientId: randomUUID(), filter: {} });
}

interface Reader {
  readonly clientId: string;
  /** Whose messages go into the queue for replies; all, if it is empty. */
  readonly filter: { readonly clientId?: string };
}

async function provision({ sns, sqs, endpoint }: Emulator, name: string, reader: Reader): Promise<Channels> {
  const [requests, responses] = [`${name}-requests`, `${name}-responses`];
  const { requestTopicArn, requestQueueUrl, responseTopicArn, responseQueueUrl } = await provisionSnsSqs({
    sns,
    sqs,
    requestTopicName: requests,
    requestQueueName: requests,
    responseTopicName: responses,
    responseQueueName: responses,
    ...reader.filter,
  });
  if (responseQueueUrl === undefined) throw new Error(`queue ${responses} has no URL`);
  return {
    endpoint,
    clientId: reader.clientId,
    requests: { address: requestTopicArn, queueUrl: requestQueueUrl },
    responses: { address: responseTopicArn, queueUrl: responseQueueUrl },
  };
}
