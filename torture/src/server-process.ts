/**
 * One server, of any transport, in a process of its own: to be killed. Its argument is JSON (`ServerArguments`). It prints one JSON
 * object a line: that it is ready, each run of its tool, what it reports, which faults it has met, and how large its heap is.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FileCallStore, FileSessionStore, awsClientConfig, injectSnsFaults, injectSqsFaults } from '@asyncmcp/testkit';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { SnsSqsServer } from '@asyncmcp/sns-sqs';
import { SqsServer } from '@asyncmcp/sqs';
import { StreamableWebhookServer, webhookTool } from '@asyncmcp/streamable-webhook';
import { WebhookServer } from '@asyncmcp/webhook';
import { z } from 'zod';
import { createDice } from './dice.js';
import { tell, watchFaults, watchHeap } from './member.js';
import { CALM } from './system.js';
import { AWS_FAULTS } from './systems/aws-faults.js';
import type { AsyncMcpError } from '@asyncmcp/core';
import type { ServerArguments } from './system.js';
import type { AwsFaults } from './systems/aws-faults.js';

/** What the transports' servers have in common. */
interface AnyServer {
  onerror?: ((error: AsyncMcpError) => void) | undefined;
  close(): Promise<void>;
}

interface Started {
  readonly server: AnyServer;
  /** Where it is reached, if it listens. */
  readonly url?: string;
}

const STEP_MS = 100;

/** Short, so that what a killed server ran does not take most of a run; longer than a process is kept from running on a busy machine. */
const CALL_LEASE_MS = 6000;

// Its parent, another program of this package, has written it.
const { transport, storeDirectory, seed, only, watched, endpoint, ...options } = JSON.parse(
  process.argv[2] ?? '{}',
) as ServerArguments;
const dice = createDice(seed);
const store = new FileSessionStore(join(storeDirectory, 'sessions'));
const callStore = new FileCallStore(join(storeDirectory, 'calls'));

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
const shared = { createServer, store, callStore, callLeaseMs: CALL_LEASE_MS, drainTimeoutMs };

/** The faults that a server meets with itself, those of its AWS clients, until nothing more is to go wrong. */
async function suffer(name: 'sqs' | 'sns-sqs', clients: AwsFaults): Promise<void> {
  const faults = Object.entries(AWS_FAULTS[name]).flatMap(([kind, fault]) =>
    new RegExp(only).test(kind) ? [fault] : [],
  );
  let over = false;
  process.on('message', (message) => {
    if (message !== CALM) return;
    over = true;
    clients.sqs.clear();
    clients.sns.clear();
  });
  watchFaults(clients);
  while (faults.length > 0 && !over) {
    await sleep(dice.between(100, 1000), undefined, { ref: false });
    if (!over) await dice.pick(faults)(clients, dice);
  }
}

async function startAws(name: 'sqs' | 'sns-sqs'): Promise<Started> {
  const config = awsClientConfig(String(endpoint));
  const [sqs, sns] = [new SQSClient(config), new SNSClient(config)];
  const given = { requestQueueUrl: '', ...options, ...shared, sqs };
  const server = name === 'sqs' ? new SqsServer(given) : new SnsSqsServer({ ...given, sns });
  await server.start();
  void suffer(name, { sqs: injectSqsFaults(sqs), sns: injectSnsFaults(sns) });
  return { server };
}

async function startHttp(): Promise<Started> {
  const given = { ...options, ...shared, allowWebhookUrl };
  const server = transport === 'webhook' ? new WebhookServer(given) : new StreamableWebhookServer(given);
  const { url } = await server.listen({ port: 0 });
  return { server, url };
}

const { server, url } = await (transport === 'sqs' || transport === 'sns-sqs' ? startAws(transport) : startHttp());
server.onerror = (error) => tell('error', { code: error.code, message: error.message });
if (watched) watchHeap();
process.once('SIGTERM', () => {
  void server.close().then(() => process.exit(0));
});
// Not before it can be told to end.
tell('ready', { url });
