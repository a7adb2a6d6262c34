import { setTimeout as sleep } from 'node:timers/promises';
import { SNSClient } from '@aws-sdk/client-sns';
import { CreateQueueCommand, SQSClient, SendMessageCommand } from '@aws-sdk/client-sqs';
import { SnsSqsClientTransport, provisionSnsSqs } from '@asyncmcp/sns-sqs';
import { SqsClientTransport } from '@asyncmcp/sqs';
import { injectSqsFaults, spawnAwsEmulator, spawnModule } from '@asyncmcp/testkit';
import { sqsFaults } from './sqs-faults.js';
import { GARBAGE } from './garbage.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { Dice } from '../dice.js';
import type { System } from '../system.js';

/** Short, so that some calls run for longer; longer than an emulator is paused, so that leases can be kept. */
const VISIBILITY_TIMEOUT_SECONDS = 6;
const PAUSE_MS = { least: 50, most: 1500 };

/** SQS, or SNS and SQS, of an emulator in a process of its own. */
export async function startAwsSystem(name: 'sqs' | 'sns-sqs'): Promise<System> {
  const emulator = await spawnAwsEmulator();
  const sqs = new SQSClient(emulator.clientConfig);
  const sns = new SNSClient(emulator.clientConfig);
  /** For what is not to fail: setting up, and vandals. */
  const calm = new SQSClient(emulator.clientConfig);
  const requestQueueUrl = await createQueue(calm, 'requests');
  const deadLetterQueueUrl = await createQueue(calm, 'dead-letters');
  const topics =
    name === 'sqs'
      ? undefined
      : await provisionSnsSqs({
          sns,
          sqs: calm,
          requestTopicName: 'requests',
          requestQueueName: 'requests',
          responseTopicName: 'responses',
        });
  const injected = sqsFaults(injectSqsFaults(sqs));

  return {
    name,
    tools: ['work'],
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
    async createTransport(): Promise<Transport> {
      if (topics === undefined) return new SqsClientTransport({ sqs, requestQueueUrl });
      const { requestTopicArn, responseTopicArn } = topics;
      return new SnsSqsClientTransport({ sqs, sns, requestTopicArn, responseTopicArn });
    },
    faults: {
      ...injected,
      async pauseEmulator(dice: Dice) {
        emulator.pause();
        await sleep(dice.between(PAUSE_MS.least, PAUSE_MS.most));
        emulator.resume();
      },
      async vandalise(dice: Dice) {
        const { body, attributes } = dice.pick(GARBAGE);
        const MessageAttributes = Object.fromEntries(
          Object.entries(attributes).map(([key, StringValue]) => [key, { DataType: 'String', StringValue }]),
        );
        const QueueUrl = topics?.requestQueueUrl ?? requestQueueUrl;
        await calm.send(new SendMessageCommand({ QueueUrl, MessageBody: body, MessageAttributes }));
      },
    },
    errors: ['ERR_TOO_MANY_ATTEMPTS'],
    outages: ['pauseEmulator'],
    async close() {
      for (const client of [sqs, calm, sns]) client.destroy();
      await emulator.kill();
    },
  };
}

async function createQueue(sqs: SQSClient, name: string): Promise<string> {
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: name }));
  if (QueueUrl === undefined) throw new Error(`Queue ${name} has no URL.`);
  return QueueUrl;
}
