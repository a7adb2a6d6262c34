import { setTimeout as sleep } from 'node:timers/promises';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { CreateQueueCommand, SQSClient, SendMessageCommand } from '@aws-sdk/client-sqs';
import { isRecord } from '@asyncmcp/core';
import { provisionSnsSqs } from '@asyncmcp/sns-sqs';
import { spawnAwsEmulator, spawnModule } from '@asyncmcp/testkit';
import { AWS_FAULTS } from './aws-faults.js';
import { GARBAGE, OVERSIZED } from './garbage.js';
import type { Dice } from '../dice.js';
import type { System } from '../system.js';

/** Short, so that some calls run for longer; longer than an emulator is paused, so that leases can be kept. */
const VISIBILITY_TIMEOUT_SECONDS = 6;
const PAUSE_MS = { least: 50, most: 1500 };

/** What is received once more is answered once more within this, in milliseconds. */
const LATE_MS = VISIBILITY_TIMEOUT_SECONDS * 1000 + 2000;

/** SQS, or SNS and SQS, of an emulator in a process of its own. */
export async function startAwsSystem(name: 'sqs' | 'sns-sqs'): Promise<System> {
  const emulator = await spawnAwsEmulator();
  const sqs = new SQSClient(emulator.clientConfig);
  const sns = new SNSClient(emulator.clientConfig);
  const requestQueueUrl = await createQueue(sqs, 'requests');
  const deadLetterQueueUrl = await createQueue(sqs, 'dead-letters');
  const topics =
    name === 'sqs'
      ? undefined
      : await provisionSnsSqs({
          sns,
          sqs,
          requestTopicName: 'requests',
          requestQueueName: 'requests',
          responseTopicName: 'responses',
        });
  const done: Record<string, number> = {};
  const count = (kind: string): void => void (done[kind] = (done[kind] ?? 0) + 1);

  return {
    name,
    async startServer(start) {
      const settings = {
        transport: name,
        ...start,
        endpoint: emulator.endpoint,
        requestQueueUrl: topics?.requestQueueUrl ?? requestQueueUrl,
        deadLetterQueueUrl,
        visibilityTimeoutSeconds: VISIBILITY_TIMEOUT_SECONDS,
      };
      const server = await spawnModule(new URL('../server-process.js', import.meta.url), {
        args: [JSON.stringify(settings)],
      });
      await server.nextLine((line) => line['event'] === 'ready', { timeoutMs: 60_000 });
      return server;
    },
    async startCallers(start) {
      const queue = topics === undefined ? { requestQueueUrl } : {};
      const settings = { transport: name, ...start, endpoint: emulator.endpoint, ...queue, ...topics };
      const callers = await spawnModule(new URL('../caller-process.js', import.meta.url), {
        args: [JSON.stringify(settings)],
      });
      await callers.nextLine((line) => line['event'] === 'ready', { timeoutMs: 180_000 });
      return callers;
    },
    callersFaults: Object.keys(AWS_FAULTS[name]),
    faults: {
      async pauseEmulator(dice: Dice) {
        emulator.pause();
        await sleep(dice.between(PAUSE_MS.least, PAUSE_MS.most));
        emulator.resume();
        count('pauseEmulator');
      },
      async vandalise(dice: Dice) {
        const { body, attributes } = dice.pick(GARBAGE);
        const MessageAttributes = Object.fromEntries(
          Object.entries(attributes).map(([key, StringValue]) => [key, { DataType: 'String', StringValue }]),
        );
        const QueueUrl = topics?.requestQueueUrl ?? requestQueueUrl;
        await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: body, MessageAttributes }));
        count('vandalise');
      },
      async oversize() {
        const sent =
          topics === undefined
            ? sqs.send(new SendMessageCommand({ QueueUrl: requestQueueUrl, MessageBody: OVERSIZED }))
            : sns.send(new PublishCommand({ TopicArn: topics.requestTopicArn, Message: OVERSIZED }));
        await expectRefusal(sent);
        count('oversize');
      },
    },
    happened: () => done,
    lateMs: LATE_MS,
    errors: ['ERR_TOO_MANY_ATTEMPTS'],
    outages: ['pauseEmulator'],
    async close() {
      for (const client of [sqs, sns]) client.destroy();
      await emulator.kill();
    },
  };
}

async function createQueue(sqs: SQSClient, name: string): Promise<string> {
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: name }));
  if (QueueUrl === undefined) throw new Error(`Queue ${name} has no URL.`);
  return QueueUrl;
}

/** @throws Error when it was taken, or refused by nobody */
async function expectRefusal(sent: Promise<unknown>): Promise<void> {
  const fault = await sent.then(
    () => 'it was taken',
    (error: unknown) => (isRecord(error) && error['$fault'] === 'client' ? undefined : String(error)),
  );
  if (fault !== undefined) throw new Error(`${OVERSIZED.length} bytes were not refused: ${fault}.`);
}
