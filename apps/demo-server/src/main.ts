#!/usr/bin/env node
/** The demo's MCP server as a command, over SQS or SNS and SQS: `node dist/main.js --help`. */
import { isAsyncMcpError } from '@asyncmcp/core';
import { SnsSqsServer } from '@asyncmcp/sns-sqs';
import { SqsServer } from '@asyncmcp/sqs';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { Command, Option } from 'commander';
import { LOG_LEVELS, createConsoleLog } from './console-log.js';
import { createDemoMcpServer } from './demo-mcp-server.js';
import { onStopSignal } from './stop-signal.js';
import type { ServerLike, SessionInfo } from '@asyncmcp/core';
import type { ConsoleLog, LogLevel } from './console-log.js';
import type { Broadcast } from './demo-mcp-server.js';

interface Flags {
  transport: 'sqs' | 'sns-sqs';
  endpoint?: string;
  region?: string;
  requestQueueUrl?: string;
  deadLetterQueueUrl?: string;
  concurrency: number;
  logLevel: LogLevel;
}

const NO_QUEUE = `No request queue: give --request-queue-url, or set ASYNCMCP_REQUEST_QUEUE_URL.
This command creates nothing in AWS. Make a queue,
  aws sqs create-queue --queue-name demo-requests
or start an emulator that has one and prints what to do next:
  npx pnpm@12 turbo run emulator --filter=@asyncmcp/demo`;

const HELP_AFTER = `
Credentials come from where every AWS client takes them: AWS_ACCESS_KEY_ID and
AWS_SECRET_ACCESS_KEY, AWS_PROFILE, a role. Emulators take any. The server
creates nothing in AWS: the queue must exist and, for sns-sqs, be subscribed to
the topic that clients publish to (provisionSnsSqs makes all of it). Clients
bring their own reply queues.

Ctrl-C or SIGTERM stops it when the calls that run are finished; once more stops
it at once.`;

const program = new Command('demo-server')
  .description(
    'Serves the demo tools (greet, count_words, divide, wait, server_info; with topics announce, too) to MCP clients over SQS, or SNS and SQS.',
  )
  .addOption(
    new Option('--transport <name>', 'where replies go: to queues, or to topics')
      .choices(['sqs', 'sns-sqs'])
      .env('ASYNCMCP_TRANSPORT')
      .default('sqs'),
  )
  .addOption(
    new Option('--request-queue-url <url>', 'the queue that requests come to (required)').env(
      'ASYNCMCP_REQUEST_QUEUE_URL',
    ),
  )
  .addOption(
    new Option(
      '--dead-letter-queue-url <url>',
      "where messages go that can never be handled (default: as the queue's redrive policy says)",
    ).env('ASYNCMCP_DEAD_LETTER_QUEUE_URL'),
  )
  .addOption(
    new Option('--endpoint <url>', 'address of SQS and SNS, for emulators (default: AWS)').env('AWS_ENDPOINT_URL'),
  )
  .addOption(new Option('--region <name>', 'AWS region (default: that of the profile)').env('AWS_REGION'))
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
  const { requestQueueUrl, deadLetterQueueUrl, endpoint, region } = flags;
  if (!requestQueueUrl) return program.error(NO_QUEUE, { exitCode: 2 });
  const log = createConsoleLog(flags.logLevel);

  const config = { ...(endpoint && { endpoint }), ...(region && { region }) };
  const [sqs, sns] = [new SQSClient(config), new SNSClient(config)];
  const common = {
    sqs,
    requestQueueUrl,
    ...(deadLetterQueueUrl && { deadLetterQueueUrl }),
    concurrency: flags.concurrency,
    logger: log.logger,
  };
  const overQueues = (): SqsServer => new SqsServer({ ...common, createServer: (session) => open(session, log) });
  const overTopics = (): SnsSqsServer => {
    const server: SnsSqsServer = new SnsSqsServer({
      ...common,
      sns,
      // Whoever hears the topic of one client's replies hears of it: here, all clients.
      createServer: (session) => open(session, log, (news) => server.broadcast(session.replyTo, news)),
    });
    return server;
  };
  const server = flags.transport === 'sqs' ? overQueues() : overTopics();
  server.onerror = (error) => log.error(error);

  await server.start();
  log.event('server', `ready: process ${process.pid} takes requests from ${nameOf(requestQueueUrl)}`);
  await onStopSignal();
  const running = server.sessions.list().reduce((sum, { callsInFlight }) => sum + callsInFlight, 0);
  log.event('server', `stopping (calls that still run: ${running})`);
  await server.close();
  sqs.destroy();
  sns.destroy();
  log.event('server', 'stopped');
}

/** The MCP server of a session, which says what happens in it. */
function open(session: SessionInfo, log: ConsoleLog, broadcast?: Broadcast): ServerLike {
  const subject = session.id.slice(0, 8);
  const client = session.initializeParams.clientInfo.name;
  log.event(subject, `session ${session.resumed ? 'taken up again' : 'opened'} by ${client}`);
  log.event(subject, `replies go to ${nameOf(session.replyTo)}`);
  const mcp = createDemoMcpServer(session, (line) => log.event(subject, line), broadcast);
  mcp.server.onclose = () => log.event(subject, 'session closed');
  return mcp;
}

/** The name at the end of a queue's URL or a topic's ARN. */
function nameOf(address: string): string {
  return /[^/:]*$/.exec(address)?.[0] ?? address;
}

try {
  await main(program.opts<Flags>());
} catch (error) {
  if (!isAsyncMcpError(error)) throw error;
  program.error(`${error.code}: ${error.message}`);
}
