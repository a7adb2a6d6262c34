import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';
import { spawnModule, startHttpProxy } from '@asyncmcp/testkit';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { WebhookClientTransport, WebhookReceiver, WebhookServer } from '../src/index.js';
import type { HttpProxy, ModuleProcess } from '@asyncmcp/testkit';
import type { WebhookClientTransportOptions, WebhookServerOptions } from '../src/index.js';

const SERVER_PATH = '/mcp/request';
const RECEIVER_PATH = '/webhook/response';
const SERVER_PROCESS = join(import.meta.dirname, 'processes', 'server.mjs');

/** A client's side and a server's side with a proxy before each; everything is closed after the test, in the right order. */
export interface System {
  /** Stands before the servers: they may be replaced. With several, they take turns. */
  readonly requests: HttpProxy;
  /** Stands before the receiver. */
  readonly replies: HttpProxy;
  readonly receiver: WebhookReceiver;
  /** Of the servers that stand behind the proxy. */
  readonly targets: string[];
  readonly serverUrl: string;
  readonly webhookUrl: string;
  server(options: Partial<WebhookServerOptions> & Pick<WebhookServerOptions, 'createServer'>): Promise<WebhookServer>;
  transport(options?: Partial<WebhookClientTransportOptions>): WebhookClientTransport;
  /** A connected client. */
  client(transport?: WebhookClientTransport): Promise<Client>;
  /** A server in a process of its own, ready. */
  serverProcess(options?: Record<string, unknown>): Promise<ModuleProcess>;
  /** A directory that is removed afterwards. */
  directory(): Promise<string>;
}

/** Sets a system up before each test of the calling file, and takes it down after it. */
export function useSystem(): () => System {
  let system: System | undefined;
  const closers: (() => Promise<unknown>)[] = [];

  beforeEach(async () => {
    system = await createSystem((close) => void closers.push(close));
  });

  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
    system = undefined;
  });

  return () => {
    if (system === undefined) throw new Error('no test is running');
    return system;
  };
}

async function createSystem(onEnd: (close: () => Promise<unknown>) => void): Promise<System> {
  const targets: string[] = [];
  let turn = 0;
  const requests = await startHttpProxy(() => targets[turn++ % Math.max(1, targets.length)]);
  const receiver = new WebhookReceiver();
  const { url } = await receiver.listen({ port: 0 });
  const replies = await startHttpProxy(() => url);
  for (const opened of [requests, replies, receiver]) onEnd(() => opened.close());
  const system: System = {
    requests,
    replies,
    receiver,
    targets,
    serverUrl: requests.url + SERVER_PATH,
    webhookUrl: replies.url + RECEIVER_PATH,
    async server(options) {
      const allowWebhookUrl = ({ hostname }: URL): boolean => hostname === '127.0.0.1';
      const server = new WebhookServer({ drainTimeoutMs: 500, allowWebhookUrl, ...options });
      onEnd(() => server.close());
      targets.push((await server.listen({ port: 0 })).url);
      return server;
    },
    transport(options = {}) {
      const { serverUrl, webhookUrl } = system;
      const transport = new WebhookClientTransport({ serverUrl, webhookUrl, receiver, resendAfterMs: 500, ...options });
      onEnd(() => transport.close());
      return transport;
    },
    async client(transport = system.transport()) {
      const client = new Client({ name: 'test', version: '1.0.0' });
      await client.connect(transport);
      return client;
    },
    async serverProcess(options = {}) {
      const child = await spawnModule(SERVER_PROCESS, { args: [JSON.stringify(options)] });
      onEnd(() => child.kill());
      const { url: ready } = await child.nextLine((line) => line['event'] === 'ready');
      // The one before it was killed.
      targets.splice(0, targets.length, String(ready));
      return child;
    },
    async directory() {
      const directory = await mkdtemp(join(tmpdir(), 'asyncmcp-test-'));
      onEnd(() => rm(directory, { recursive: true, force: true }));
      return directory;
    },
  };
  return system;
}

/** The text of a tool's result. */
export function textOf(result: Awaited<ReturnType<Client['callTool']>>): string {
  const content: unknown = Array.isArray(result.content) ? result.content[0] : undefined;
  const hasText = typeof content === 'object' && content !== null && 'text' in content;
  return hasText ? String(content.text) : '';
}

/** What a call by tool name and arguments came to. */
export async function call(client: Client, name: string, args: Record<string, unknown> = {}): Promise<string> {
  return textOf(await client.callTool({ name, arguments: args }));
}
