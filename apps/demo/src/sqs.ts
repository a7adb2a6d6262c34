import { SqsClientTransport, provisionSqs } from '@asyncmcp/sqs';
import { startAwsEmulator } from '@asyncmcp/testkit';
import { runAgainstServer } from './against-server.js';
import { DEMO_QUEUES, checkNothingLeft, queueName } from './queues.js';
import type { ScenarioTotals } from '@asyncmcp/demo-client';
import type { AwsEmulator } from '@asyncmcp/testkit';
import type { Stage } from './stage.js';

/** The demo over SQS: an emulator in this process, the server in a process of its own, the client here. */
export async function runSqs(stage: Stage): Promise<ScenarioTotals> {
  const emulator = await startAwsEmulator();
  try {
    return await runAgainst(emulator, stage);
  } finally {
    await emulator.stop();
  }
}

async function runAgainst(emulator: AwsEmulator, stage: Stage): Promise<ScenarioTotals> {
  const topology = await provisionSqs({ sqs: emulator.sqsClient(), ...DEMO_QUEUES });
  const { requestQueueUrl, deadLetterQueueUrl = '' } = topology;
  stage.fact('emulator', `SQS in memory, at ${emulator.endpoint}`);
  stage.fact('queues', `${queueName(requestQueueUrl)}, redriven to ${queueName(deadLetterQueueUrl)}`);
  const totals = await runAgainstServer(stage, {
    emulator,
    requestQueueUrl,
    channels: 'queue',
    createTransports: (sqs) => ({ createTransport: () => new SqsClientTransport({ sqs, requestQueueUrl }) }),
  });
  const queues = await checkNothingLeft(emulator);
  stage.fact('queues', `${queues.toSorted().join(', ')}: empty, and no other is left`);
  await topology.teardown();
  const left = await checkNothingLeft(emulator);
  if (left.length > 0) throw new Error(`The teardown left ${left.join(', ')}.`);
  stage.fact('teardown', 'both are gone');
  return totals;
}
