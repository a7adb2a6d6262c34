import { SqsClientTransport } from '@asyncmcp/sqs';
import { Trace, runScenario, traceSqs } from '@asyncmcp/demo-client';
import { startAwsEmulator } from '@asyncmcp/testkit';
import { DemoServerProcess } from './demo-server-process.js';
import { checkNothingLeft, createDemoQueues, queueName } from './queues.js';
import type { AwsEmulator } from '@asyncmcp/testkit';
import type { Stage } from './stage.js';

/** The demo over SQS: an emulator in this process, the server in a process of its own, the client here. */
export async function runSqs(stage: Stage): Promise<void> {
  const emulator = await startAwsEmulator();
  try {
    await runAgainst(emulator, stage);
  } finally {
    await emulator.stop();
  }
}

async function runAgainst(emulator: AwsEmulator, stage: Stage): Promise<void> {
  const { requestQueueUrl, deadLetterQueueUrl } = await createDemoQueues(emulator);
  stage.fact('emulator', `SQS in memory, at ${emulator.endpoint}`);
  stage.fact('queues', `${queueName(requestQueueUrl)}, redriven to ${queueName(deadLetterQueueUrl)}`);

  const { accessKeyId, secretAccessKey } = emulator.clientConfig.credentials;
  const server = await DemoServerProcess.start({
    args: ['--endpoint', emulator.endpoint, '--region', emulator.region, '--request-queue-url', requestQueueUrl],
    env: { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey },
    onLine: stage.onServerLine,
  });
  let ended: string;
  try {
    stage.fact('server', `process ${server.pid}, takes requests from ${queueName(requestQueueUrl)}`);
    stage.legend();
    const sqs = emulator.sqsClient();
    const trace = new Trace();
    traceSqs(sqs, trace);
    await runScenario({
      createTransport: () => new SqsClientTransport({ sqs, requestQueueUrl }),
      trace,
      print: stage.print,
      style: stage.style,
      signal: AbortSignal.any([stage.signal, server.ended]),
    });
  } catch (error) {
    if (!stage.signal.aborted) stage.failed(server.output);
    throw error;
  } finally {
    stage.print('');
    // Whoever pressed Ctrl-C does not want to wait until the server has finished its calls.
    ended = await server.stop(stage.signal.aborted ? 500 : undefined);
    stage.fact('server', `stopped: ${ended}`);
  }
  if (ended !== 'exit code 0') throw new Error(`The server did not stop as it should: ${ended}.`);
  const queues = await checkNothingLeft(emulator);
  stage.fact('queues', `${queues.join(', ')}: empty, and no other is left`);
}
