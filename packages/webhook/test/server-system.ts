import { afterEach } from '@jest/globals';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { createDeferred, startHookEndpoint } from '@asyncmcp/testkit';
import { WebhookServer } from '../src/index.js';
import { http, initialize } from './http-client.js';
import type { AsyncMcpError } from '@asyncmcp/core';
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import type { ServerNotification, ServerRequest } from '@modelcontextprotocol/sdk/types.js';
import type { UndeliveredWebhook, WebhookServerOptions } from '../src/index.js';
import type { HookEndpoint } from '@asyncmcp/testkit';

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;

/** A server on a free port, its tools, and what it reported. */
export interface TestServer {
  readonly server: WebhookServer;
  /** Of the request route. */
  readonly url: string;
  readonly origin: string;
  readonly errors: AsyncMcpError[];
  readonly undelivered: UndeliveredWebhook[];
  /** How often the tool `slow` has begun. */
  readonly begun: () => number;
  /** Lets the tool `slow` end, now and from now on. */
  readonly finish: () => void;
  /** What the last call was told of its request. */
  readonly lastExtra: () => Extra | undefined;
}

export interface Session {
  readonly endpoint: HookEndpoint;
  readonly clientId: string;
  readonly sessionId: string;
  /** The headers of a message in this session. */
  readonly headers: Record<string, string>;
}

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Closes something when the test ends. */
export function atTheEnd(close: () => Promise<void>): void {
  closers.push(close);
}

export async function endpoint(): Promise<HookEndpoint> {
  const started = await startHookEndpoint();
  // After the servers: they have things to send as they close.
  closers.unshift(() => started.close());
  return started;
}

/** A server whose webhooks may go to loopback. It listens nowhere yet. */
export function createServer(options: Partial<WebhookServerOptions> = {}): Omit<TestServer, 'url' | 'origin'> {
  const gate = createDeferred<void>();
  let begun = 0;
  let lastExtra: Extra | undefined;
  const errors: AsyncMcpError[] = [];
  const undelivered: UndeliveredWebhook[] = [];
  const server = new WebhookServer({
    createServer: () => {
      const mcp = new McpServer({ name: 'test', version: '1.0.0' });
      mcp.registerTool('slow', {}, async (extra: Extra) => {
        begun++;
        lastExtra = extra;
        await gate.promise;
        return { content: [{ type: 'text', text: 'slow and steady' }] };
      });
      return mcp;
    },
    drainTimeoutMs: 1000,
    allowWebhookUrl: ({ hostname }) => hostname === '127.0.0.1',
    ...options,
  });
  server.onerror = (error) => void errors.push(error);
  server.onundelivered = (failure) => void undelivered.push(failure);
  atTheEnd(async () => {
    gate.resolve();
    await server.close();
  });
  return {
    server,
    errors,
    undelivered,
    begun: () => begun,
    finish: () => gate.resolve(),
    lastExtra: () => lastExtra,
  };
}

export async function startServer(options: Partial<WebhookServerOptions> = {}): Promise<TestServer> {
  const created = createServer(options);
  const { url } = await created.server.listen({ port: 0 });
  return { ...created, origin: url, url: url + (options.path ?? '/mcp/request') };
}

/** Opens a session by hand. */
export async function openSession(
  { url }: Pick<TestServer, 'url'>,
  clientId = 'client',
  headers: Record<string, string> = {},
): Promise<Session> {
  const hook = await endpoint();
  const opened = await http('POST', url, {
    headers: { ...headers, 'x-client-id': clientId, 'x-method': 'initialize' },
    body: initialize(hook.url),
  });
  const sessionId = opened.headers['x-session-id'];
  if (typeof sessionId !== 'string') throw new Error(`No session was opened: ${JSON.stringify(opened)}`);
  await hook.reply(1);
  return {
    endpoint: hook,
    clientId,
    sessionId,
    headers: { ...headers, 'x-client-id': clientId, 'x-session-id': sessionId },
  };
}
