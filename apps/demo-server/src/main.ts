#!/usr/bin/env node
/** The demo's MCP server as a command, over SQS, SNS and SQS, webhooks, or Streamable HTTP with webhooks: `node dist/main.js --help`. */
import { resolve } from 'node:path';
import { isAsyncMcpError } from '@asyncmcp/core';
import { createCommand, forgetEmptyVariables, unusedQueue } from './command.js';
import { createConsoleLog } from './console-log.js';
import { createSafeFetch } from './safe-fetch.js';
import { serveAws } from './serve-aws.js';
import { serveStreamableWebhook } from './serve-streamable-webhook.js';
import { serveWebhook } from './serve-webhook.js';
import { openSharedSessions } from './shared-sessions.js';
import { onStopSignal } from './stop-signal.js';
import { counted } from './text.js';
import type { Flags } from './command.js';
import type { ConsoleLog } from './console-log.js';
import type { Serving } from './serving.js';

const NO_QUEUE = `No request queue: give --request-queue-url, or set ASYNCMCP_REQUEST_QUEUE_URL.
This command creates nothing in AWS. Make a queue,
  aws sqs create-queue --queue-name demo-requests
or start an emulator that has one and prints what to do next:
  npx pnpm@12 emulator
Without any queue: --transport webhook or streamable-webhook.`;

// The AWS SDK's notice on Node 20, true as it is, would stand above what there is to see.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

const command = createCommand();
forgetEmptyVariables(command, process.env);
command.parse();

async function main(flags: Flags): Promise<void> {
  const log = createConsoleLog(flags.logLevel);
  const unused = unusedQueue(command);
  if (unused !== undefined) log.logger.warn({}, unused);
  const serving = await serve(flags, log);
  log.event('server', `ready: process ${process.pid} takes requests ${serving.where}`);
  if (flags.sessions !== undefined) log.event('server', `sessions are kept in ${resolve(flags.sessions)}`);
  await onStopSignal();
  const running = serving.sessions.list().reduce((sum, { callsInFlight }) => sum + callsInFlight, 0);
  // As long as the default of drainTimeoutMs.
  const waits = running === 0 ? '' : `; gives ${counted(running, 'call')} up to 30 s (Ctrl-C: at once)`;
  log.event('server', `stopping${waits}`);
  await serving.close();
  log.event('server', 'stopped');
}

async function serve({ allowPrivateFetch, sessions, ...flags }: Flags, log: ConsoleLog): Promise<Serving> {
  const { transport, requestQueueUrl } = flags;
  const safeFetch = createSafeFetch({ allowPrivate: () => allowPrivateFetch });
  const common = { ...flags, safeFetch, store: await openSharedSessions(sessions) };
  if (transport === 'webhook') return serveWebhook(common, log);
  if (transport === 'streamable-webhook') return serveStreamableWebhook(common, log);
  if (requestQueueUrl === undefined) return command.error(NO_QUEUE, { exitCode: 2 });
  return serveAws({ ...common, transport, requestQueueUrl }, log);
}

try {
  await main(command.opts<Flags>());
} catch (error) {
  if (!isAsyncMcpError(error)) throw error;
  const exitCode = error.code === 'ERR_INVALID_OPTION' ? 2 : 1;
  command.error(`${error.code}: ${error.message}`, { exitCode });
}
