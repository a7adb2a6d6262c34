#!/usr/bin/env node
/** An emulated SQS and SNS with the demo's queues and topics, for the demo server and client by hand: `node dist/emulator.js --port 4566`. */
import { once } from 'node:events';
import { provisionSnsSqs } from '@asyncmcp/sns-sqs';
import { startAwsEmulator } from '@asyncmcp/testkit';
import { SNSClient } from '@aws-sdk/client-sns';
import { Command } from 'commander';
import { DEMO_TOPOLOGY } from './sns-sqs.js';
import { queueName } from './queues.js';
import type { AwsEmulator } from '@asyncmcp/testkit';
import type { SnsSqsTopology } from '@asyncmcp/sns-sqs';

// The AWS SDK's notice on Node 20, true as it is, would stand before the instructions.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

const program = new Command('emulator')
  .description(
    "Runs SQS and SNS in memory, with the demo's queues and topics, and prints how to run server and client against it.",
  )
  .option('--port <number>', 'port of 127.0.0.1; 0 is any free one', Number, 4566)
  .parse();

function instructions({ endpoint, region, clientConfig }: AwsEmulator, topology: SnsSqsTopology): string {
  const { accessKeyId, secretAccessKey } = clientConfig.credentials;
  return `
SQS and SNS in memory at ${endpoint}, until Ctrl-C. There are:

  queue ${queueName(topology.requestQueueUrl).padEnd(20)} what clients send
  queue ${queueName(topology.deadLetterQueueUrl ?? '').padEnd(20)} what can never be handled
  topic ${topicName(topology.requestTopicArn).padEnd(20)} what clients publish; the queue is subscribed
  topic ${topicName(topology.responseTopicArn).padEnd(20)} what servers publish

Open two more terminals here. In both, say where they are:

  export ASYNCMCP_TRANSPORT=sqs
  export AWS_ENDPOINT_URL=${endpoint} AWS_REGION=${region}
  export AWS_ACCESS_KEY_ID=${accessKeyId} AWS_SECRET_ACCESS_KEY=${secretAccessKey}
  export ASYNCMCP_REQUEST_QUEUE_URL=${topology.requestQueueUrl}

and, to go through the topics (without these: through queues alone):

  export ASYNCMCP_TRANSPORT=sns-sqs
  export ASYNCMCP_REQUEST_TOPIC_ARN=${topology.requestTopicArn}
  export ASYNCMCP_RESPONSE_TOPIC_ARN=${topology.responseTopicArn}

Then start the server in one, and the client in the other, as often as you like.
The client takes commands, or with --scenario does everything by itself. Several
servers at once share a folder: --sessions /tmp/asyncmcp-sessions.

  node apps/demo-server/dist/main.js
  node apps/demo-client/dist/main.js
`;
}

function topicName(topicArn: string): string {
  return topicArn.slice(topicArn.lastIndexOf(':') + 1);
}

async function main(port: number): Promise<void> {
  const emulator = await startAwsEmulator({ port });
  const sns = new SNSClient(emulator.clientConfig);
  const topology = await provisionSnsSqs({ sns, sqs: emulator.sqsClient(), ...DEMO_TOPOLOGY });
  sns.destroy();
  console.log(instructions(emulator, topology));
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
