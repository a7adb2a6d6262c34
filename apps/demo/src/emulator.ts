#!/usr/bin/env node
/** An emulated SQS with the demo's queues, for the demo server and client by hand: `node dist/emulator.js --port 4566`. */
import { once } from 'node:events';
import { startAwsEmulator } from '@asyncmcp/testkit';
import { Command } from 'commander';
import { createDemoQueues, queueName } from './queues.js';
import type { AwsEmulator } from '@asyncmcp/testkit';
import type { DemoQueues } from './queues.js';

const program = new Command('emulator')
  .description("Runs SQS in memory, with the demo's queues, and prints how to run server and client against it.")
  .option('--port <number>', 'port of 127.0.0.1; 0 is any free one', Number, 4566)
  .parse();

function instructions({ endpoint, region, clientConfig }: AwsEmulator, queues: DemoQueues): string {
  const { accessKeyId, secretAccessKey } = clientConfig.credentials;
  return `
SQS in memory at ${endpoint}, until Ctrl-C. Its queues:

  ${queueName(queues.requestQueueUrl).padEnd(18)} what clients send
  ${queueName(queues.deadLetterQueueUrl).padEnd(18)} what can never be handled

Open two more terminals here. In both, say where SQS is:

  export AWS_ENDPOINT_URL=${endpoint} AWS_REGION=${region}
  export AWS_ACCESS_KEY_ID=${accessKeyId} AWS_SECRET_ACCESS_KEY=${secretAccessKey}
  export ASYNCMCP_REQUEST_QUEUE_URL=${queues.requestQueueUrl}

Then start the server in one, and run the client in the other, as often as you like:

  npx pnpm@12 turbo run start --filter=@asyncmcp/demo-server
  npx pnpm@12 turbo run start --filter=@asyncmcp/demo-client
`;
}

async function main(port: number): Promise<void> {
  const emulator = await startAwsEmulator({ port });
  console.log(instructions(emulator, await createDemoQueues(emulator)));
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  await emulator.stop();
}

const { port } = program.opts<{ port: number }>();
try {
  await main(port);
} catch (error) {
  const reason = error instanceof Error ? error.message : String(error);
  program.error(`The emulator could not be started: ${reason}\nGive another --port; 0 takes any that is free.`);
}
