/**
 * One server, of any transport, in a process of its own: to be killed. Its argument is JSON (`ServerArguments`). It prints one JSON
 * object a line: that it is ready, each run of its tool, what it reports, and how much memory it uses.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { FileSessionStore, awsClientConfig, injectSqsFaults } from '@asyncmcp/testkit';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { SnsSqsServer } from '@asyncmcp/sns-sqs';
import { SqsServer } from '@asyncmcp/sqs';
import { StreamableWebhookServer, webhookTool } from '@asyncmcp/streamable-webhook';
import { WebhookServer } from '@asyncmcp/webhook';
import { z } from 'zod';
import { createDice } from './dice.js';
import { sqsFaults } from './systems/sqs-faults.js';
import type { AsyncMcpError } from '@asyncmcp/core';
import type { Dice } from './dice.js';
import type { ServerArguments } from './system.js';

/** What the transports' servers have in common. */
interface AnyServer {
  onerror?: ((error: AsyncMcpError) => void) | undefined;
  close(): Promise<void>;
}

const STEP_MS = 100;
const MEMORY_EVERY_MS = 1000;

// Its parent, another program of this package, has written it.
const { transport, storeDirectory, seed, endpoint, ...options } = JSON.parse(
  process.argv[2] ?? '{}',
) as ServerArguments;
const dice = createDice(seed);
const store = new FileSessionStore(storeDirectory);

function tell(event: string, rest: object = {}): void {
  process.stdout.write(`${JSON.stringify({ event, pid: process.pid, ...rest })}\n`);
}

/** The user's server: one tool, under each of the names that a transport treats in its own way. */
function createServer(): McpServer {
  const mcp = new McpServer({ name: 'torture', version: '1.0.0' });
  const inputSchema = { marker: z.string(), milliseconds: z.number(), fails: z.boolean() };
  for (const name of ['work', 'work_over_connection']) {
    const tool = mcp.registerTool(name, { inputSchema }, async ({ marker, milliseconds, fails }, extra) => {
      tell('run', { marker });
      const progressToken = extra._meta?.progressToken;
      for (let done = 0; done < milliseconds; done += STEP_MS) {
        await sleep(Math.min(STEP_MS, milliseconds - done), undefined, { signal: extra.signal });
        if (progressToken === undefined) continue;
        const params = { progressToken, progress: done + STEP_MS, total: milliseconds };
        await extra.sendNotification({ method: 'notifications/progress', params });
      }
      if (fails) throw new Error(`${marker} fails, as it was told to.`);
      return { content: [{ type: 'text', text: marker }] };
    });
    if (name === 'work') webhookTool(tool);
  }
  return mcp;
}

const allowWebhookUrl = ({ hostname }: URL): boolean => hostname === '127.0.0.1';
const drainTimeoutMs = 3000;
const shared = { createServer, store, drainTimeoutMs };

/** The faults that a server meets with itself: those of its AWS client. */
async function suffer(sqs: SQSClient, own: Dice): Promise<never> {
  const faults = Object.values(sqsFaults(injectSqsFaults(sqs)));
  for (;;) {
    await sleep(own.between(100, 1000), undefined, { ref: false });
    await own.pick(faults)(own);
  }
}

async function startAws(): Promise<AnyServer> {
  const config = awsClientConfig(String(endpoint));
  const sqs = new SQSClient(config);
  const given = { requestQueueUrl: '', ...options, ...shared, sqs };
  const server =
    transport === 'sqs' ? new SqsServer(given) : new SnsSqsServer({ ...given, sns: new SNSClient(config) });
  await server.start();
  void suffer(sqs, dice);
  tell('ready');
  return server;
}

async function startHttp(): Promise<AnyServer> {
  const given = { ...options, ...shared, allowWebhookUrl };
  const server = transport === 'webhook' ? new WebhookServer(given) : new StreamableWebhookServer(given);
  const { url } = await server.listen({ port: 0 });
  tell('ready', { url });
  return server;
}

const server = await (transport.endsWith('sqs') ? startAws() : startHttp());
server.onerror = (error) => tell('error', { code: error.code, message: error.message });
setInterval(() => tell('memory', { rss: process.memoryUsage.rss() }), MEMORY_EVERY_MS).unref();
process.once('SIGTERM', () => {
  void server.close().then(() => process.exit(0));
});
