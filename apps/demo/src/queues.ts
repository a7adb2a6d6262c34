import { ListQueuesCommand } from '@aws-sdk/client-sqs';
import { TEMPORARY_QUEUE_PREFIX } from '@asyncmcp/sqs';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { AwsEmulator } from '@asyncmcp/testkit';

/** The names of the queues that the demo server needs. */
export const DEMO_QUEUES = { requestQueueName: 'demo-requests', deadLetterQueueName: 'demo-dead-letters' };

/**
 * Checks what the scenario leaves: its queues, empty, and nobody's temporary queue.
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
