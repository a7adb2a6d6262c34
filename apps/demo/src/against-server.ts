import { Trace, runScenario, traceSqs } from '@asyncmcp/demo-client';
import { queueName } from './queues.js';
import { withServer } from './with-server.js';
import type { ScenarioOptions, ScenarioTotals } from '@asyncmcp/demo-client';
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

/** Runs the scenario against a demo server in a process of its own, both on an emulator. */
export async function runAgainstServer(stage: Stage, options: AgainstServer): Promise<ScenarioTotals> {
  const { emulator, serverArgs = [], requestQueueUrl, channels, createTransports } = options;
  const { accessKeyId, secretAccessKey } = emulator.clientConfig.credentials;
  const where = ['--endpoint', emulator.endpoint, '--region', emulator.region, '--request-queue-url', requestQueueUrl];
  const env = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
  // What the user's own environment says is about another server.
  const args = ['--transport', 'sqs', ...where, ...serverArgs];
  return withServer(stage, { args, env }, async (server) => {
    stage.fact('server', `process ${server.pid}, takes requests from ${queueName(requestQueueUrl)}`);
    stage.legend(`${channels}, message, size, and milliseconds since the step began.`);
    const sqs = emulator.sqsClient();
    const trace = new Trace();
    traceSqs(sqs, trace);
    return runScenario({
      ...createTransports(sqs, trace),
      page: stage.page,
      trace,
      print: stage.print,
      style: stage.style,
      signal: AbortSignal.any([stage.signal, server.ended]),
    });
  });
}
