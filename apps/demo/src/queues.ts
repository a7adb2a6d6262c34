import { ListQueuesCommand } from '@aws-sdk/client-sqs';
import { TEMPORARY_QUEUE_PREFIX } from '@asyncmcp/sqs';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { AwsEmulator } from '@asyncmcp/testkit';

/** The queues that the demo server needs. */
export interface DemoQueues {
  readonly requestQueueUrl: string;
  readonly deadLetterQueueUrl: string;
}

/** Well above the three attempts of the server, which answers the caller before it dead-letters; SQS does not. */
const MAX_RECEIVE_COUNT = 10;

export async function createDemoQueues(emulator: AwsEmulator): Promise<DemoQueues> {
  const deadLetters = await emulator.createQueue('demo-dead-letters');
  const redrivePolicy = { deadLetterTargetArn: deadLetters.queueArn, maxReceiveCount: MAX_RECEIVE_COUNT };
  const requests = await emulator.createQueue('demo-requests', { RedrivePolicy: JSON.stringify(redrivePolicy) });
  return { requestQueueUrl: requests.queueUrl, deadLetterQueueUrl: deadLetters.queueUrl };
}

/**
 * Checks what the demo leaves: its queues, empty, and nobody's temporary queue.
 *
 * @returns the names of the queues there are
 */
export async function checkNothingLeft(emulator: AwsEmulator): Promise<string[]> {
  const left: string[] = [];
  const names: string[] = [];
  for (const queueUrl of await listQueues(emulator.sqsClient())) {
    const name = queueName(queueUrl);
    names.push(name);
    const { visible, inFlight, delayed } = await emulator.messages(queueUrl);
    const messages = visible + inFlight + delayed;
    if (messages > 0) left.push(`${messages} messages in ${name}`);
    if (name.startsWith(TEMPORARY_QUEUE_PREFIX)) left.push(`the temporary queue ${name}`);
  }
  if (left.length > 0) throw new Error(`Left behind: ${left.join(', ')}.`);
  return names;
}

export function queueName(queueUrl: string): string {
  return queueUrl.slice(queueUrl.lastIndexOf('/') + 1);
}

async function listQueues(sqs: SQSClient): Promise<readonly string[]> {
  const { QueueUrls = [] } = await sqs.send(new ListQueuesCommand({}));
  return QueueUrls;
}
