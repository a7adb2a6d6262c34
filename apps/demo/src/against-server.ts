import { Trace, runScenario, traceSqs } from '@asyncmcp/demo-client';
import { DemoServerProcess } from './demo-server-process.js';
import { queueName } from './queues.js';
import type { ScenarioOptions } from '@asyncmcp/demo-client';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { AwsEmulator } from '@asyncmcp/testkit';
import type { Stage } from './stage.js';

export interface AgainstServer {
  readonly emulator: AwsEmulator;
  /** What the server is told beside the address of the emulator. */
  readonly serverArgs?: readonly string[];
  readonly requestQueueUrl: string;
  /** What messages travel over, for the legend. */
  readonly channels: string;
  /** How to make the clients' transports, on an AWS client whose calls are traced and others that it traces itself. */
  readonly createTransports: (
    sqs: SQSClient,
    trace: Trace,
  ) => Pick<ScenarioOptions, 'createTransport' | 'createListener'>;
}

/** Runs the scenario against a demo server in a process of its own, and stops that. */
export async function runAgainstServer(stage: Stage, options: AgainstServer): Promise<void> {
  const { emulator, serverArgs = [], requestQueueUrl, channels, createTransports } = options;
  const { accessKeyId, secretAccessKey } = emulator.clientConfig.credentials;
  const where = ['--endpoint', emulator.endpoint, '--region', emulator.region, '--request-queue-url', requestQueueUrl];
  const server = await DemoServerProcess.start({
    args: [...where, ...serverArgs],
    env: { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey },
    onLine: stage.onServerLine,
  });
  let ended: string;
  try {
    stage.fact('server', `process ${server.pid}, takes requests from ${queueName(requestQueueUrl)}`);
    stage.legend(channels);
    const sqs = emulator.sqsClient();
    const trace = new Trace();
    traceSqs(sqs, trace);
    await runScenario({
      ...createTransports(sqs, trace),
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
}
