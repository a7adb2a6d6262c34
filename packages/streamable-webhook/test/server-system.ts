import { afterEach } from '@jest/globals';
import { createDeferred, startHookEndpoint, until } from '@asyncmcp/testkit';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { request } from 'undici';
import { z } from 'zod';
import { StreamableWebhookServer, webhookTool } from '../src/index.js';
import type { AsyncMcpError } from '@asyncmcp/core';
import type { Deferred, HookEndpoint } from '@asyncmcp/testkit';
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import type { ServerNotification, ServerRequest } from '@modelcontextprotocol/sdk/types.js';
import type { UndeliveredWebhook } from '@asyncmcp/webhook';
import type { StreamableWebhookServerOptions } from '../src/index.js';

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;

/** A JSON-RPC message as it was read. */
export interface Message {
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: { readonly content?: readonly { readonly text?: string }[] } & Readonly<Record<string, unknown>>;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: Record<string, unknown> };
}

/** A server on a free port, its tools, and what it reported. */
export interface TestServer {
  readonly server: StreamableWebhookServer;
  /** Of the MCP route. */
  readonly url: string;
  readonly origin: string;
  readonly errors: AsyncMcpError[];
  readonly undelivered: UndeliveredWebhook[];
  /** The servers made so far, the latest last. */
  readonly made: McpServer[];
  /** What each call of the tools `slow` and `slow_by_webhook` was told of its request. */
  readonly calls: Extra[];
  /** Lets those tools end, now and from now on. */
  readonly finish: () => void;
}

const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Closes something when the test ends, before what was opened earlier. */
export function atTheEnd(close: () => Promise<unknown>): void {
  closers.push(close);
}

export async function hookEndpoint(): Promise<HookEndpoint> {
  const started = await startHookEndpoint();
  // After the servers: they have things to send as they close.
  closers.unshift(() => started.close());
  return started;
}

const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] });

/** `echo` and `slow`, and the same by webhook: marked, but for those that options name. */
function createTools(gate: Deferred<void>, calls: Extra[]): McpServer {
  const mcp = new McpServer({ name: 'test', version: '1.0.0' }, { capabilities: { logging: {} } });
  const echo = ({ value }: { value: string }) => text(value);
  const slow = async (extra: Extra) => {
    calls.push(extra);
    const progressToken = extra._meta?.progressToken;
    if (progressToken !== undefined) {
      await extra.sendNotification({ method: 'notifications/progress', params: { progressToken, progress: 1 } });
    }
    await extra.sendNotification({ method: 'notifications/message', params: { level: 'info', data: 'working' } });
    await gate.promise;
    return text('slow and steady');
  };
  const inputSchema = { value: z.string() };
  mcp.registerTool('echo', { inputSchema }, echo);
  mcp.registerTool('slow', {}, slow);
  webhookTool(mcp.registerTool('echo_by_webhook', { inputSchema }, echo));
  webhookTool(mcp.registerTool('slow_by_webhook', {}, slow));
  return mcp;
}

/** A server whose webhooks may go to loopback. */
export async function startServer(options: Partial<StreamableWebhookServerOptions> = {}): Promise<TestServer> {
  const gate = createDeferred<void>();
  const calls: Extra[] = [];
  const made: McpServer[] = [];
  const errors: AsyncMcpError[] = [];
  const undelivered: UndeliveredWebhook[] = [];
  const server = new StreamableWebhookServer({
    createServer: () => {
      const mcp = createTools(gate, calls);
      made.push(mcp);
      return mcp;
    },
    drainTimeoutMs: 1000,
    allowWebhookUrl: ({ hostname }) => hostname === '127.0.0.1',
    ...options,
  });
  server.onerror = (error) => void errors.push(error);
  server.onundelivered = (failure) => void undelivered.push(failure);
  const { url } = await server.listen({ port: 0 });
  atTheEnd(async () => {
    gate.resolve();
    await server.close();
  });
  return {
    server,
    origin: url,
    url: url + (options.path ?? '/mcp'),
    errors,
    undelivered,
    made,
    calls,
    finish: () => gate.resolve(),
  };
}

/** What a server answered to one request. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** The JSON-RPC messages in it, of a stream or not. */
  readonly messages: readonly Message[];
}

const ACCEPT = 'application/json, text/event-stream';

export async function http(
  method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'HEAD',
  url: string,
  {
    headers = {},
    body,
    signal,
  }: { headers?: Record<string, string>; body?: string | object | undefined; signal?: AbortSignal | undefined } = {},
): Promise<Answer> {
  const content = typeof body === 'object' ? JSON.stringify(body) : body;
  const type = content === undefined ? {} : { 'content-type': 'application/json' };
  const response = await request(url, {
    method,
    headers: { accept: ACCEPT, ...type, ...headers },
    ...(content !== undefined && { body: content }),
    ...(signal !== undefined && { signal }),
  });
  const answered = await response.body.text();
  return { status: response.statusCode, headers: response.headers, text: answered, messages: messagesIn(answered) };
}

export function post(
  url: string,
  body: string | object,
  headers: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<Answer> {
  return http('POST', url, { body, headers, signal });
}

/** The messages in JSON, or in the events of a stream. */
export function messagesIn(answered: string): readonly Message[] {
  const events = [...answered.matchAll(/^data: (.+)$/gm)].map(([, data]) => data ?? '');
  const texts = events.length > 0 ? events : answered.startsWith('{') || answered.startsWith('[') ? [answered] : [];
  return texts.flatMap((one) => JSON.parse(one) as Message | Message[]);
}

/** A stream that is being read. */
export interface OpenStream {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly messages: () => readonly Message[];
  readonly lastEventId: () => string | undefined;
  /** Whether the server has ended it. */
  readonly ended: () => boolean;
  /** Whether it has broken off. */
  readonly broken: () => boolean;
  next(what: string, matches: (message: Message) => boolean): Promise<Message>;
  /** Breaks the connection off. */
  cut(): void;
}

/** Begins to read an answer. */
export async function open(
  method: 'GET' | 'POST',
  url: string,
  headers: Record<string, string>,
  body?: object,
): Promise<OpenStream> {
  const cut = new AbortController();
  const response = await request(url, {
    method,
    headers: { accept: ACCEPT, ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: cut.signal,
  });
  let received = '';
  let ended = false;
  let broken = false;
  response.body.setEncoding('utf8');
  response.body.on('data', (chunk: string) => void (received += chunk));
  response.body.once('end', () => void (ended = true));
  response.body.once('error', () => void (broken = true));
  atTheEnd(async () => cut.abort());
  const messages = (): readonly Message[] => messagesIn(received.slice(0, received.lastIndexOf('\n\n') + 2));
  return {
    status: response.statusCode,
    headers: response.headers,
    messages,
    lastEventId: () => [...received.matchAll(/^id: (.+)$/gm)].at(-1)?.[1],
    ended: () => ended,
    broken: () => broken,
    next: (what, matches) => until(() => messages().find(matches), { message: what }),
    cut: () => cut.abort(),
  };
}

export function initialize(meta?: object, id: string | number = 1): object {
  const clientInfo = { name: 'by-hand', version: '1.0.0' };
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo, ...(meta && { _meta: meta }) };
  return { jsonrpc: '2.0', id, method: 'initialize', params };
}

export const INITIALIZED = { jsonrpc: '2.0', method: 'notifications/initialized' };

export function ping(id: string | number): object {
  return { jsonrpc: '2.0', id, method: 'ping' };
}

export function call(id: string | number, name: string, args: object = {}, meta?: object): object {
  return { jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args, ...(meta && { _meta: meta }) } };
}

export interface Session {
  readonly sessionId: string;
  /** The headers of a message in this session. */
  readonly headers: Record<string, string>;
  readonly hook: HookEndpoint;
}

/** Opens a session by hand; with a webhook unless told otherwise. */
export async function openSession(
  { url }: Pick<TestServer, 'url'>,
  {
    webhook = true,
    headers = {},
    meta = {},
  }: { webhook?: boolean; headers?: Record<string, string>; meta?: object } = {},
): Promise<Session> {
  const hook = await hookEndpoint();
  const opened = await post(url, initialize(webhook ? { webhookUrl: hook.url, ...meta } : undefined), headers);
  const sessionId = opened.headers['mcp-session-id'];
  if (typeof sessionId !== 'string') throw new Error(`No session was opened: ${JSON.stringify(opened)}`);
  const inSession = { ...headers, 'mcp-session-id': sessionId, 'mcp-protocol-version': '2025-11-25' };
  await post(url, INITIALIZED, inSession);
  return { sessionId, headers: inSession, hook };
}

/** The text of a tool's result. */
export function textOf(message: Message | undefined): string | undefined {
  return message?.result?.content?.[0]?.text;
}
