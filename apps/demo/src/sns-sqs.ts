import { traceSns } from '@asyncmcp/demo-client';
import { SnsSqsClientTransport, provisionSnsSqs } from '@asyncmcp/sns-sqs';
import { startAwsEmulator } from '@asyncmcp/testkit';
import { SNSClient } from '@aws-sdk/client-sns';
import { runAgainstServer } from './against-server.js';
import { checkNothingLeft, queueName } from './queues.js';
import { describeTopology, listSubscriptions } from './topology.js';
import type { AwsEmulator } from '@asyncmcp/testkit';
import type { Stage } from './stage.js';

/** The names of what the demo makes; the emulator's command makes the same. */
export const DEMO_TOPOLOGY = {
  requestTopicName: 'demo-requests',
  requestQueueName: 'demo-requests',
  responseTopicName: 'demo-responses',
  deadLetterQueueName: 'demo-dead-letters',
};

/** The demo over SNS and SQS: what it needs is made in an emulator in this process, and taken down at the end. */
export async function runSnsSqs(stage: Stage): Promise<void> {
  const emulator = await startAwsEmulator();
  const sns = new SNSClient(emulator.clientConfig);
  try {
    await runAgainst(emulator, sns, stage);
  } finally {
    sns.destroy();
    await emulator.stop();
  }
}

async function runAgainst(emulator: AwsEmulator, sns: SNSClient, stage: Stage): Promise<void> {
  stage.fact('emulator', `SNS and SQS in memory, at ${emulator.endpoint}`);
  const topology = await provisionSnsSqs({ sns, sqs: emulator.sqsClient(), ...DEMO_TOPOLOGY });
  const { requestQueueUrl, requestTopicArn, responseTopicArn } = topology;
  for (const [subject, text] of await describeTopology(sns, emulator.sqsClient(), topology)) stage.fact(subject, text);
  await runAgainstServer(stage, {
    emulator,
    requestQueueUrl,
    serverArgs: ['--transport', 'sns-sqs'],
    createTransport(sqs, trace) {
      const traced = new SNSClient(emulator.clientConfig);
      traceSns(traced, trace);
      return new SnsSqsClientTransport({ sns: traced, sqs, requestTopicArn, responseTopicArn });
    },
  });
  await checkNothingLeft(emulator);
  const subscriptions = await listSubscriptions(sns);
  if (subscriptions.length !== 1) throw new Error(`Subscriptions left behind: ${subscriptions.length - 1}.`);
  stage.fact('queues', `${queueName(requestQueueUrl)}, dead letters: empty; the client's is gone`);
  await topology.teardown();
  const left = [...(await checkNothingLeft(emulator)), ...(await listSubscriptions(sns))];
  if (left.length > 0) throw new Error(`The teardown left ${left.join(', ')}.`);
  stage.fact('teardown', 'topics, queues and subscription are gone');
}
