import { traceSns } from '@asyncmcp/demo-client';
import { SnsSqsClientTransport, provisionSnsSqs } from '@asyncmcp/sns-sqs';
import { startAwsEmulator } from '@asyncmcp/testkit';
import { SNSClient } from '@aws-sdk/client-sns';
import { runAgainstServer } from './against-server.js';
import { DEMO_QUEUES, checkNothingLeft } from './queues.js';
import { describeTopology, namesIn, readTopology } from './topology.js';
import type { ScenarioTotals } from '@asyncmcp/demo-client';
import type { AwsEmulator } from '@asyncmcp/testkit';
import type { Stage } from './stage.js';

/** The names of what the demo server needs; the emulator's command makes the same. */
export const DEMO_TOPOLOGY = {
  ...DEMO_QUEUES,
  requestTopicName: 'demo-requests',
  responseTopicName: 'demo-responses',
};

/** A client whose queue is there before it; the one that joins it for the broadcast brings a temporary one. */
const DEMO_CLIENT = { responseQueueName: 'demo-responses', clientId: 'demo-client' };

/** The demo over SNS and SQS: what it needs is made in an emulator in this process, and taken down at the end. */
export async function runSnsSqs(stage: Stage): Promise<ScenarioTotals> {
  const emulator = await startAwsEmulator();
  // Two of them: the trace is to show the scenario's calls only.
  const [sns, traced] = [new SNSClient(emulator.clientConfig), new SNSClient(emulator.clientConfig)];
  try {
    return await runAgainst(emulator, { sns, traced }, stage);
  } finally {
    sns.destroy();
    traced.destroy();
    await emulator.stop();
  }
}

async function runAgainst(
  emulator: AwsEmulator,
  { sns, traced }: { sns: SNSClient; traced: SNSClient },
  stage: Stage,
): Promise<ScenarioTotals> {
  stage.fact('emulator', `SNS and SQS in memory, at ${emulator.endpoint}`);
  const topology = await provisionSnsSqs({ sns, sqs: emulator.sqsClient(), ...DEMO_TOPOLOGY, ...DEMO_CLIENT });
  const made = await readTopology(sns, emulator.sqsClient());
  for (const [subject, text] of describeTopology(made)) stage.fact(subject, text);

  const { requestQueueUrl, requestTopicArn, responseTopicArn, responseQueueUrl } = topology;
  const { clientId } = DEMO_CLIENT;
  const totals = await runAgainstServer(stage, {
    emulator,
    requestQueueUrl,
    serverArgs: ['--transport', 'sns-sqs'],
    channels: 'topic or queue',
    createTransports(sqs, trace) {
      traceSns(traced, trace);
      const common = { sns: traced, sqs, requestTopicArn, responseTopicArn };
      return {
        createTransport: () => new SnsSqsClientTransport({ ...common, responseQueueUrl, clientId }),
        createListener: () => new SnsSqsClientTransport(common),
      };
    },
  });

  await checkNothingLeft(emulator);
  const after = namesIn(await readTopology(sns, emulator.sqsClient()));
  const extra = after.filter((name) => !namesIn(made).includes(name));
  if (extra.length > 0) throw new Error(`Left behind: ${extra.join(', ')}.`);
  stage.fact('queues', 'empty, and nothing is there that was not before');
  await topology.teardown();
  const left = namesIn(await readTopology(sns, emulator.sqsClient()));
  if (left.length > 0) throw new Error(`The teardown left: ${left.join(', ')}.`);
  stage.fact('teardown', 'no topic, subscription or queue is left');
  return totals;
}
