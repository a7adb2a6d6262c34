#!/usr/bin/env node
/** The demo's MCP client as a command, over SQS, SNS and SQS, webhooks, or Streamable HTTP with webhooks: `node dist/main.js --help`. */
import { isAsyncMcpError } from '@asyncmcp/core';
import { Command, Option } from 'commander';
import { openAwsClient } from './aws-client.js';
import { ScenarioError, runScenario } from './scenario.js';
import { createStyle, isColored } from './style.js';
import { Trace } from './trace.js';
import { openStreamableWebhookClient, openWebhookClient } from './webhook-client.js';
import type { ClientSide } from './client-side.js';

interface Flags {
  transport: 'sqs' | 'sns-sqs' | 'webhook' | 'streamable-webhook';
  endpoint?: string;
  region?: string;
  requestQueueUrl?: string;
  responseQueueUrl?: string;
  requestTopicArn?: string;
  responseTopicArn?: string;
  serverUrl?: string;
  webhookUrl?: string;
  webhookHost: string;
  webhookPort: number;
  clientId?: string;
  timeout: number;
}

const NO_QUEUE = `No request queue: give --request-queue-url, or set ASYNCMCP_REQUEST_QUEUE_URL.
It is the queue that a demo server takes requests from. To have both without AWS,
start an emulator, which prints what to do next:
  npx pnpm@12 turbo run emulator --filter=@asyncmcp/demo
Without any queue: --transport webhook or streamable-webhook.`;

const NO_TOPIC = `No topics: give --request-topic-arn and --response-topic-arn, or set
ASYNCMCP_REQUEST_TOPIC_ARN and ASYNCMCP_RESPONSE_TOPIC_ARN. The first is the topic
that a demo server's queue is subscribed to. To have both without AWS, start an
emulator, which prints what to do next:
  npx pnpm@12 turbo run emulator --filter=@asyncmcp/demo`;

/** Where demo servers take messages by default. */
const DEFAULT_SERVER_URLS = {
  webhook: 'http://127.0.0.1:8000/mcp/request',
  'streamable-webhook': 'http://127.0.0.1:8000/mcp',
};

const HELP_AFTER = `
sqs, sns-sqs: Credentials come from where every AWS client takes them:
AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, a role. Emulators take
any.

webhook, streamable-webhook: The client listens for replies and tells the server where. A demo
server on the same machine reaches it as it is; for one elsewhere have a reverse
proxy or a tunnel with https before it, and give that as --webhook-url. Replies
are signed with a secret that the client makes; it takes no others.

Exits with 0 when every step was checked, with 1 when one was not as it must be.`;

// The AWS SDK's notice on Node 20, true as it is, would stand in the middle of the report.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

const program = new Command('demo-client')
  .description(
    'Calls the tools of the demo server over SQS, SNS and SQS, webhooks, or Streamable HTTP with webhooks, checks the results, and shows what travelled.',
  )
  .addOption(
    new Option('--transport <name>', 'how to reach the server')
      .choices(['sqs', 'sns-sqs', 'webhook', 'streamable-webhook'])
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
      'sqs, sns-sqs: the queue that replies come to (default: a temporary one, deleted at the end)',
    ).env('ASYNCMCP_RESPONSE_QUEUE_URL'),
  )
  .addOption(
    new Option(
      '--server-url <url>',
      'webhook, streamable-webhook: where the server takes messages (default: port 8000 of this machine, /mcp/request or /mcp)',
    ).env('ASYNCMCP_SERVER_URL'),
  )
  .addOption(
    new Option(
      '--webhook-url <url>',
      'webhook, streamable-webhook: where the server reaches this client, if not where it listens; what comes there must arrive at /webhook/response',
    ).env('ASYNCMCP_WEBHOOK_URL'),
  )
  .addOption(
    new Option('--webhook-host <address>', 'webhook, streamable-webhook: the address to listen on')
      .env('ASYNCMCP_WEBHOOK_HOST')
      .default('127.0.0.1'),
  )
  .addOption(
    new Option('--webhook-port <number>', 'webhook, streamable-webhook: the port to listen on; 0 is any free one')
      .env('ASYNCMCP_WEBHOOK_PORT')
      .argParser(Number)
      .default(0),
  )
  .addOption(
    new Option('--client-id <id>', "who this client is, if its queue's filter policy is to know (default: a UUID)").env(
      'ASYNCMCP_CLIENT_ID',
    ),
  )
  .addOption(
    new Option('--endpoint <url>', 'sqs, sns-sqs: address of SQS and SNS, for emulators (default: AWS)').env(
      'AWS_ENDPOINT_URL',
    ),
  )
  .addOption(new Option('--region <name>', 'sqs, sns-sqs: AWS region (default: that of the profile)').env('AWS_REGION'))
  .addOption(new Option('--timeout <seconds>', 'how long to wait for an answer').argParser(Number).default(30))
  .addHelpText('after', HELP_AFTER)
  .parse();

async function main(flags: Flags): Promise<void> {
  const { timeout } = flags;
  if (!(timeout > 0)) return program.error('--timeout must be a number of seconds above 0.', { exitCode: 2 });
  const trace = new Trace();
  const { close, ...side } = await open(flags, trace);
  const stop = new AbortController();
  // Not once: Ctrl-C under a task runner arrives twice, and the temporary queue is still to be deleted.
  for (const event of ['SIGINT', 'SIGTERM']) process.on(event, () => stop.abort('interrupted'));
  try {
    await runScenario({
      ...side,
      trace,
      print: (line) => console.log(line),
      style: createStyle(isColored(process.stdout)),
      timeoutMs: timeout * 1000,
      signal: stop.signal,
    });
  } finally {
    await close();
  }
}

async function open(flags: Flags, trace: Trace): Promise<ClientSide> {
  const { transport, requestQueueUrl, requestTopicArn, responseTopicArn } = flags;
  if (transport === 'webhook' || transport === 'streamable-webhook') {
    const { webhookUrl, webhookHost: host, webhookPort: port, clientId } = flags;
    const own = { ...(webhookUrl && { webhookUrl }), ...(clientId && { clientId }) };
    const serverUrl = flags.serverUrl ?? DEFAULT_SERVER_URLS[transport];
    const openClient = transport === 'webhook' ? openWebhookClient : openStreamableWebhookClient;
    return openClient({ serverUrl, host, port, ...own }, trace);
  }
  if (transport === 'sqs') {
    if (!requestQueueUrl) return program.error(NO_QUEUE, { exitCode: 2 });
    return openAwsClient({ ...flags, requests: { requestQueueUrl } }, trace);
  }
  if (!requestTopicArn || !responseTopicArn) return program.error(NO_TOPIC, { exitCode: 2 });
  return openAwsClient({ ...flags, requests: { requestTopicArn, responseTopicArn } }, trace);
}

try {
  await main(program.opts<Flags>());
} catch (error) {
  // The report has named the step and the reason.
  if (error instanceof ScenarioError) process.exitCode = 1;
  else if (isAsyncMcpError(error)) program.error(`${error.code}: ${error.message}`);
  else throw error;
}
