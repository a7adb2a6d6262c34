#!/usr/bin/env node
/** The demo's MCP server as a command, over SQS, SNS and SQS, webhooks, or Streamable HTTP with webhooks: `node dist/main.js --help`. */
import { isAsyncMcpError } from '@asyncmcp/core';
import { Command, Option } from 'commander';
import { LOG_LEVELS, createConsoleLog } from './console-log.js';
import { serveAws } from './serve-aws.js';
import { serveStreamableWebhook } from './serve-streamable-webhook.js';
import { serveWebhook } from './serve-webhook.js';
import { onStopSignal } from './stop-signal.js';
import type { ConsoleLog, LogLevel } from './console-log.js';
import type { Serving } from './serving.js';

interface Flags {
  transport: 'sqs' | 'sns-sqs' | 'webhook' | 'streamable-webhook';
  endpoint?: string;
  region?: string;
  requestQueueUrl?: string;
  deadLetterQueueUrl?: string;
  host: string;
  port: number;
  concurrency: number;
  logLevel: LogLevel;
}

const NO_QUEUE = `No request queue: give --request-queue-url, or set ASYNCMCP_REQUEST_QUEUE_URL.
This command creates nothing in AWS. Make a queue,
  aws sqs create-queue --queue-name demo-requests
or start an emulator that has one and prints what to do next:
  npx pnpm@12 turbo run emulator --filter=@asyncmcp/demo
Without any queue: --transport webhook or streamable-webhook.`;

const HELP_AFTER = `
sqs, sns-sqs: Credentials come from where every AWS client takes them:
AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, a role. Emulators take
any. The server creates nothing in AWS: the queue must exist and, for sns-sqs,
be subscribed to the topic that clients publish to (provisionSnsSqs makes all of
it). Clients bring their own reply queues.

webhook: Clients post to http://<host>:<port>/mcp/request, and each says where
its webhook is: at a public https URL, or on this machine's loopback, which this
demo allows and a server on the internet must not. GET /health says whether the
server takes requests.

streamable-webhook: The same at http://<host>:<port>/mcp, for any MCP client that
speaks Streamable HTTP. Those that give a webhook get the results of the slow
tools (count_words, wait) there, and hold no connection for them.

Ctrl-C or SIGTERM stops it when the calls that run are finished; once more stops
it at once.`;

const program = new Command('demo-server')
  .description(
    'Serves the demo tools (greet, count_words, divide, wait, server_info; with topics announce, too) to MCP clients over SQS, SNS and SQS, webhooks, or Streamable HTTP with webhooks.',
  )
  .addOption(
    new Option(
      '--transport <name>',
      'where replies go: to queues, to topics, to webhooks, or over HTTP and to webhooks',
    )
      .choices(['sqs', 'sns-sqs', 'webhook', 'streamable-webhook'])
      .env('ASYNCMCP_TRANSPORT')
      .default('sqs'),
  )
  .addOption(
    new Option('--request-queue-url <url>', 'sqs, sns-sqs: the queue that requests come to (required)').env(
      'ASYNCMCP_REQUEST_QUEUE_URL',
    ),
  )
  .addOption(
    new Option(
      '--dead-letter-queue-url <url>',
      "sqs, sns-sqs: where messages go that can never be handled (default: as the queue's redrive policy says)",
    ).env('ASYNCMCP_DEAD_LETTER_QUEUE_URL'),
  )
  .addOption(
    new Option('--endpoint <url>', 'sqs, sns-sqs: address of SQS and SNS, for emulators (default: AWS)').env(
      'AWS_ENDPOINT_URL',
    ),
  )
  .addOption(new Option('--region <name>', 'sqs, sns-sqs: AWS region (default: that of the profile)').env('AWS_REGION'))
  .addOption(
    new Option('--host <address>', 'webhook, streamable-webhook: the address to listen on; 0.0.0.0 is all of IPv4')
      .env('ASYNCMCP_HOST')
      .default('127.0.0.1'),
  )
  .addOption(
    new Option('--port <number>', 'webhook, streamable-webhook: the port to listen on; 0 is any free one')
      .env('ASYNCMCP_PORT')
      .argParser(Number)
      .default(8000),
  )
  .addOption(
    new Option('--concurrency <calls>', 'most calls that run at once')
      .env('ASYNCMCP_CONCURRENCY')
      .argParser(Number)
      .default(100),
  )
  .addOption(
    new Option('--log-level <level>', 'what to print beside calls and sessions')
      .choices(LOG_LEVELS)
      .env('LOG_LEVEL')
      .default('warn'),
  )
  .addHelpText('after', HELP_AFTER)
  .parse();

async function main(flags: Flags): Promise<void> {
  const log = createConsoleLog(flags.logLevel);
  const serving = await serve(flags, log);
  log.event('server', `ready: process ${process.pid} takes requests ${serving.where}`);
  await onStopSignal();
  const running = serving.sessions.list().reduce((sum, { callsInFlight }) => sum + callsInFlight, 0);
  log.event('server', `stopping (calls that still run: ${running})`);
  await serving.close();
  log.event('server', 'stopped');
}

async function serve(flags: Flags, log: ConsoleLog): Promise<Serving> {
  const { transport, requestQueueUrl } = flags;
  if (transport === 'webhook') return serveWebhook(flags, log);
  if (transport === 'streamable-webhook') return serveStreamableWebhook(flags, log);
  if (!requestQueueUrl) return program.error(NO_QUEUE, { exitCode: 2 });
  return serveAws({ ...flags, transport, requestQueueUrl }, log);
}

try {
  await main(program.opts<Flags>());
} catch (error) {
  if (!isAsyncMcpError(error)) throw error;
  program.error(`${error.code}: ${error.message}`);
}
