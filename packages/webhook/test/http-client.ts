import { createServer } from 'node:http';
import { request } from 'undici';
import { listenOnLoopback, until } from '@asyncmcp/testkit';
import type { IncomingHttpHeaders } from 'node:http';

/** A webhook that came in. */
export interface Hook {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** An endpoint for webhooks without any of our code. */
export interface HookEndpoint {
  /** With a path, which tells several clients apart. */
  readonly url: string;
  readonly hooks: readonly Hook[];
  /** What it answers. Default 200. */
  status: number;
  /** Answers 302 to there instead. */
  redirectTo: string | undefined;
  /** Waits for a webhook whose JSON-RPC message has this id. */
  reply(id: string | number): Promise<Hook>;
  close(): Promise<void>;
}

export async function startHookEndpoint(): Promise<HookEndpoint> {
  const hooks: Hook[] = [];
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => void chunks.push(chunk));
    incoming.on('end', () => {
      if (endpoint.redirectTo !== undefined) return response.writeHead(302, { location: endpoint.redirectTo }).end();
      if (endpoint.status === 200) {
        hooks.push({
          path: incoming.url ?? '',
          headers: incoming.headers,
          body: Buffer.concat(chunks).toString('utf8'),
        });
      }
      return response.writeHead(endpoint.status).end();
    });
  });
  const origin = await listenOnLoopback(server);
  const endpoint: HookEndpoint = {
    url: `${origin}/hook`,
    hooks,
    status: 200,
    redirectTo: undefined,
    reply: (id) =>
      until(() => hooks.find(({ body }) => (JSON.parse(body) as { id?: unknown }).id === id), {
        message: `the webhook that answers ${id}`,
      }),
    async close() {
      server.closeAllConnections();
      server.close();
    },
  };
  return endpoint;
}

/** What a server answered. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Parsed; a string where it is no JSON. */
  readonly body: unknown;
}

export async function http(
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  url: string,
  { headers = {}, body }: { headers?: Record<string, string>; body?: string | object } = {},
): Promise<Answer> {
  const text = typeof body === 'object' ? JSON.stringify(body) : body;
  const type = text === undefined ? {} : { 'content-type': 'application/json' };
  const response = await request(url, {
    method,
    headers: { ...type, ...headers },
    ...(text !== undefined && { body: text }),
  });
  const answered = await response.body.text();
  return { status: response.statusCode, headers: response.headers, body: parsed(answered) };
}

/** The `initialize` of a client that has its replies sent to a URL. */
export function initialize(webhookUrl: string, id: string | number = 1, meta: object = {}): object {
  const clientInfo = { name: 'by-hand', version: '1.0.0' };
  const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo, _meta: { webhookUrl, ...meta } };
  return { jsonrpc: '2.0', id, method: 'initialize', params };
}

export function ping(id: string | number): object {
  return { jsonrpc: '2.0', id, method: 'ping' };
}

export function toolCall(id: string | number, name: string): object {
  return { jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: {} } };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
