import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';
import { spawnModule, startHttpProxy } from '@asyncmcp/testkit';
import { WebhookReceiver } from '@asyncmcp/webhook';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableWebhookClientTransport, StreamableWebhookServer } from '../src/index.js';
import { startWire } from './client-proxy.js';
import { createTools } from './client-tools.js';
import type { HttpProxy, ModuleProcess, ProxiedRequest } from '@asyncmcp/testkit';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { StreamableWebhookClientTransportOptions, StreamableWebhookServerOptions } from '../src/index.js';
import type { Wire } from './client-proxy.js';
import type { Tools } from './client-tools.js';

const SERVER_PATH = '/mcp';
const RECEIVER_PATH = '/webhook/response';
const SERVER_PROCESS = join(import.meta.dirname, 'processes', 'server.mjs');

/** A server of this process, and what its tools did. */
export interface StartedServer extends Tools {
  readonly server: StreamableWebhookServer;
}

/** A client's side and a server's side with a proxy before each; everything is closed after the test, in the right order. */
export interface System {
  /** Between the client and the proxy before the servers. */
  readonly wire: Wire;
  /** Stands before the servers: they may be replaced. With several, they take turns. */
  readonly requests: HttpProxy;
  /** Stands before the receiver. */
  readonly replies: HttpProxy;
  readonly receiver: WebhookReceiver;
  /** Of the servers that stand behind the proxy. */
  readonly targets: string[];
  /** What the proxy before the servers was asked for, in order. */
  readonly seen: ProxiedRequest[];
  /** The webhooks that came to the proxy before the receiver. */
  readonly hooks: ProxiedRequest[];
  readonly serverUrl: string;
  readonly webhookUrl: string;
  /** The next `count` calls of tools are answered with a status by the proxy before the servers. */
  answerCalls(count: number, status: number): void;
  server(options?: Partial<StreamableWebhookServerOptions>): Promise<StartedServer>;
  transport(options?: Partial<StreamableWebhookClientTransportOptions>): StreamableWebhookClientTransport;
  /** A connected client. */
  client(transport?: StreamableWebhookClientTransport): Promise<Client>;
  /** A server in a process of its own, ready. */
  serverProcess(options?: Record<string, unknown>): Promise<ModuleProcess>;
  /** A directory that is removed afterwards. */
  directory(): Promise<string>;
  /** Closes something when the test ends, before what was opened earlier. */
  atTheEnd(close: () => Promise<unknown>): void;
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
  const seen: ProxiedRequest[] = [];
  const hooks: ProxiedRequest[] = [];
  const statuses: number[] = [];
  let turn = 0;
  const requests = await startHttpProxy((_path, request) => {
    seen.push(request);
    const status = methodOf(request) === 'tools/call' ? statuses.shift() : undefined;
    return status ?? targets[turn++ % Math.max(1, targets.length)];
  });
  const wire = await startWire(requests.url);
  const receiver = new WebhookReceiver({ waitForClientMs: 50 });
  const { url } = await receiver.listen({ port: 0 });
  const replies = await startHttpProxy((_path, request) => {
    hooks.push(request);
    return url;
  });
  for (const opened of [wire, requests, replies, receiver]) onEnd(() => opened.close());
  const system: System = {
    wire,
    requests,
    replies,
    receiver,
    targets,
    seen,
    hooks,
    serverUrl: wire.url + SERVER_PATH,
    webhookUrl: replies.url + RECEIVER_PATH,
    answerCalls: (count, status) => void statuses.push(...Array<number>(count).fill(status)),
    async server(options = {}) {
      const tools = createTools();
      const allowWebhookUrl = ({ hostname }: URL): boolean => hostname === '127.0.0.1';
      const server = new StreamableWebhookServer({
        drainTimeoutMs: 500,
        allowWebhookUrl,
        createServer: tools.createServer,
        ...options,
      });
      onEnd(() => server.close());
      onEnd(async () => tools.finish());
      targets.push((await server.listen({ port: 0 })).url);
      return { server, ...tools };
    },
    transport(options = {}) {
      const { serverUrl, webhookUrl } = system;
      const transport = new StreamableWebhookClientTransport({
        serverUrl,
        webhookUrl,
        receiver,
        resendAfterMs: 400,
        ...options,
      });
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
    atTheEnd: onEnd,
  };
  return system;
}

/** The JSON-RPC method of a request; undefined where it has none. */
export function methodOf({ body }: ProxiedRequest): string | undefined {
  const message: unknown = body.startsWith('{') ? JSON.parse(body) : undefined;
  const hasMethod = typeof message === 'object' && message !== null && 'method' in message;
  return hasMethod ? String(message.method) : undefined;
}

/** The calls of tools that were posted, each try of them, of one tool where it is named. */
export function callsIn(requests: readonly ProxiedRequest[], tool?: string): readonly ProxiedRequest[] {
  const calls = requests.filter((request) => methodOf(request) === 'tools/call');
  return tool === undefined ? calls : calls.filter(({ body }) => body.includes(`"name":"${tool}"`));
}

/** What a transport hands to the SDK from now on. */
export function messagesOf(transport: StreamableWebhookClientTransport): readonly JSONRPCMessage[] {
  const messages: JSONRPCMessage[] = [];
  const { onmessage } = transport;
  transport.onmessage = (message, extra) => {
    messages.push(message);
    onmessage?.(message, extra);
  };
  return messages;
}

/** The responses among messages. */
export function responsesIn(messages: readonly JSONRPCMessage[]): readonly JSONRPCMessage[] {
  return messages.filter((message) => !('method' in message));
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
