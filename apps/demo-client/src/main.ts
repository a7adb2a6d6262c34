#!/usr/bin/env node
/** The demo's MCP client as a command, over SQS or SNS and SQS: `node dist/main.js --help`. */
import { isAsyncMcpError } from '@asyncmcp/core';
import { SnsSqsClientTransport } from '@asyncmcp/sns-sqs';
import { SqsClientTransport } from '@asyncmcp/sqs';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { Command, Option } from 'commander';
import { ScenarioError, runScenario } from './scenario.js';
import { createStyle, isColored } from './style.js';
import { Trace } from './trace.js';
import { traceSns } from './trace-sns.js';
import { traceSqs } from './trace-sqs.js';
import type { ScenarioOptions } from './scenario.js';

interface Flags {
  transport: 'sqs' | 'sns-sqs';
  endpoint?: string;
  region?: string;
  requestQueueUrl?: string;
  responseQueueUrl?: string;
  requestTopicArn?: string;
  responseTopicArn?: string;
  clientId?: string;
  timeout: number;
}

const NO_QUEUE = `No request queue: give --request-queue-url, or set ASYNCMCP_REQUEST_QUEUE_URL.
It is the queue that a demo server takes requests from. To have both without AWS,
start an emulator, which prints what to do next:
  npx pnpm@12 turbo run emulator --filter=@asyncmcp/demo`;

const NO_TOPIC = `No topics: give --request-topic-arn and --response-topic-arn, or set
ASYNCMCP_REQUEST_TOPIC_ARN and ASYNCMCP_RESPONSE_TOPIC_ARN. The first is the topic
that a demo server's queue is subscribed to. To have both without AWS, start an
emulator, which prints what to do next:
  npx pnpm@12 turbo run emulator --filter=@asyncmcp/demo`;

const HELP_AFTER = `
Credentials come from where every AWS client takes them: AWS_ACCESS_KEY_ID and
AWS_SECRET_ACCESS_KEY, AWS_PROFILE, a role. Emulators take any.

Exits with 0 when every step was checked, with 1 when one was not as it must be.`;

// The AWS SDK's notice on Node 20, true as it is, would stand in the middle of the report.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

const program = new Command('demo-client')
  .description(
    'Calls the tools of the demo server over SQS, or SNS and SQS, checks the results, and shows what travelled.',
  )
  .addOption(
    new Option('--transport <name>', 'how to reach the server')
      .choices(['sqs', 'sns-sqs'])
      .env('ASYNCMCP_TRANSPORT')
      .default('sqs'),
  )
  .addOption(
    new Option('--request-queue-url <url>', "sqs: the server's queue (required)").env('ASYNCMCP_REQUEST_QUEUE_URL'),
  )
  .addOption(
    new Option('--request-topic-arn <arn>', "sns-sqs: the topic of the server's queue (required)").env(
      'ASYNCMCP_REQUEST_TOPIC_ARN',
    ),
  )
  .addOption(
    new Option('--response-topic-arn <arn>', 'sns-sqs: the topic that replies are published to (required)').env(
      'ASYNCMCP_RESPONSE_TOPIC_ARN',
    ),
  )
  .addOption(
    new Option(
      '--response-queue-url <url>',
      'the queue that replies come to (default: a temporary one, deleted at the end)',
    ).env('ASYNCMCP_RESPONSE_QUEUE_URL'),
  )
  .addOption(
    new Option('--client-id <id>', "who this client is, if its queue's filter policy is to know (default: a UUID)").env(
      'ASYNCMCP_CLIENT_ID',
    ),
  )
  .addOption(
    new Option('--endpoint <url>', 'address of SQS and SNS, for emulators (default: AWS)').env('AWS_ENDPOINT_URL'),
  )
  .addOption(new Option('--region <name>', 'AWS region (default: that of the profile)').env('AWS_REGION'))
  .addOption(new Option('--timeout <seconds>', 'how long to wait for an answer').argParser(Number).default(30))
  .addHelpText('after', HELP_AFTER)
  .parse();

async function main(flags: Flags): Promise<void> {
  const { endpoint, region, timeout } = flags;
  if (!(timeout > 0)) return program.error('--timeout must be a number of seconds above 0.', { exitCode: 2 });

  const config = { ...(endpoint && { endpoint }), ...(region && { region }) };
  const [sqs, sns] = [new SQSClient(config), new SNSClient(config)];
  const transports = transportFactories(flags, sqs, sns);
  const trace = new Trace();
  traceSqs(sqs, trace);
  traceSns(sns, trace);
  const stop = new AbortController();
  // Not once: Ctrl-C under a task runner arrives twice, and the temporary queue is still to be deleted.
  for (const event of ['SIGINT', 'SIGTERM']) process.on(event, () => stop.abort('interrupted'));
  try {
    await runScenario({
      ...transports,
      trace,
      print: (line) => console.log(line),
      style: createStyle(isColored(process.stdout)),
      timeoutMs: timeout * 1000,
      signal: stop.signal,
    });
  } finally {
    sqs.destroy();
    sns.destroy();
  }
}

type Factories = Pick<ScenarioOptions, 'createTransport' | 'createListener'>;

function transportFactories(flags: Flags, sqs: SQSClient, sns: SNSClient): Factories {
  const { requestQueueUrl, requestTopicArn, responseTopicArn, responseQueueUrl, clientId } = flags;
  const own = { ...(responseQueueUrl && { responseQueueUrl }), ...(clientId && { clientId }) };
  if (flags.transport === 'sqs') {
    if (!requestQueueUrl) return program.error(NO_QUEUE, { exitCode: 2 });
    return { createTransport: () => new SqsClientTransport({ sqs, requestQueueUrl, ...own }) };
  }
  if (!requestTopicArn || !responseTopicArn) return program.error(NO_TOPIC, { exitCode: 2 });
  return {
    createTransport: () => new SnsSqsClientTransport({ sns, sqs, requestTopicArn, responseTopicArn, ...own }),
    createListener: () => new SnsSqsClientTransport({ sns, sqs, requestTopicArn, responseTopicArn }),
  };
}

try {
  await main(program.opts<Flags>());
} catch (error) {
  // The report has named the step and the reason.
  if (error instanceof ScenarioError) process.exitCode = 1;
  else if (isAsyncMcpError(error)) program.error(`${error.code}: ${error.message}`);
  else throw error;
}
