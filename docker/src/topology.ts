import { provisionSnsSqs } from '@asyncmcp/sns-sqs';
import { provisionSqs } from '@asyncmcp/sqs';
import type { SNSClient } from '@aws-sdk/client-sns';
import type { SQSClient } from '@aws-sdk/client-sqs';

/** Addresses, by the variables that servers and clients take them from. */
export type Addresses = Readonly<Record<string, string>>;

/** What is asked for cannot be made; the message says why. */
export class TopologyError extends Error {
  override readonly name = 'TopologyError';
}

const QUEUE = 'ASYNCMCP_REQUEST_QUEUE_URL';
const REQUEST_TOPIC = 'ASYNCMCP_REQUEST_TOPIC_ARN';
const RESPONSE_TOPIC = 'ASYNCMCP_RESPONSE_TOPIC_ARN';

/**
 * Makes what the servers and clients of a transport are told to use, or finds it: its name is the last part of its address. Clients
 * bring queues of their own for replies.
 *
 * @returns where all of it is
 * @throws TopologyError when that is elsewhere than they are told, or they are not told; AsyncMcpError as `provisionSqs` does
 */
export async function makeTopology(told: NodeJS.ProcessEnv, sns: SNSClient, sqs: SQSClient): Promise<Addresses> {
  const made = await makeAll(told, sns, sqs);
  const wrong = Object.entries(made).filter(([variable, address]) => told[variable] !== address);
  if (wrong.length === 0) return made;
  const lines = wrong.map(
    ([variable, address]) => `  ${variable} is ${told[variable] ?? ''}, and was made as ${address}`,
  );
  throw new TopologyError(
    `Servers and clients are told other addresses than those that were made:\n${lines.join('\n')}`,
  );
}

async function makeAll(told: NodeJS.ProcessEnv, sns: SNSClient, sqs: SQSClient): Promise<Addresses> {
  const transport = told['ASYNCMCP_TRANSPORT'] ?? '';
  const requestQueueName = nameIn(told, QUEUE);
  if (transport === 'sqs') {
    const { requestQueueUrl } = await provisionSqs({ sqs, requestQueueName });
    return { [QUEUE]: requestQueueUrl };
  }
  if (transport !== 'sns-sqs') {
    throw new TopologyError(`ASYNCMCP_TRANSPORT has to be sqs or sns-sqs, and is "${transport}".`);
  }
  const [requestTopicName, responseTopicName] = [nameIn(told, REQUEST_TOPIC), nameIn(told, RESPONSE_TOPIC)];
  const topology = await provisionSnsSqs({ sns, sqs, requestTopicName, requestQueueName, responseTopicName });
  const { requestQueueUrl, requestTopicArn, responseTopicArn } = topology;
  return { [QUEUE]: requestQueueUrl, [REQUEST_TOPIC]: requestTopicArn, [RESPONSE_TOPIC]: responseTopicArn };
}

/** The name at the end of a queue's URL or a topic's ARN. */
function nameIn(told: NodeJS.ProcessEnv, variable: string): string {
  const name = /[^/:]*$/.exec(told[variable] ?? '')?.[0];
  if (name === undefined || name === '') throw new TopologyError(`${variable} has to be an address, and is not set.`);
  return name;
}
