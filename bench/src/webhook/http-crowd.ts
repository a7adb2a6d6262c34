import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import { generateSecret } from '@asyncmcp/webhook';
import { Pool } from 'undici';
import { INITIALIZED, initializeRequest } from '../handshake.js';
import { fail } from './by-hand-messages.js';
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http';

/** How many sessions are being opened at a time. */
const AT_A_TIME = 20;

/** Longer than any server of this project keeps a connection, in milliseconds. */
const KEPT_FOR_MS = 600_000;

/** What requests look like, and where the answer to the first one comes: by webhook, or over the connection. */
export type Dialect = 'webhook' | 'streamable-webhook';

/** Whose call it is. */
export interface HttpSession {
  readonly clientId: string;
  readonly sessionId: string;
}

/**
 * Many clients with a session each, by hand: they cost next to nothing, so that it is the server which is measured. Each has a webhook
 * URL of its own. They never hang up, so that it is the server that does.
 */
export interface HttpCrowd {
  open(count: number): Promise<HttpSession[]>;
  /** Posts a request; resolves when its answer has come by webhook. */
  call(session: HttpSession, request: { readonly id: number }): Promise<void>;
  close(): Promise<void>;
}

export async function createHttpCrowd(serverUrl: string, dialect: Dialect): Promise<HttpCrowd> {
  const { origin, pathname: path } = new URL(serverUrl);
  // Without the threshold, which is taken off what the server says, undici would close its connections shortly before the server.
  const pool = new Pool(origin, { keepAliveTimeoutThreshold: -KEPT_FOR_MS });
  const hooks = await startHooks();
  const headersOf = dialect === 'webhook' ? webhookHeaders : streamableHeaders;

  async function post(client: Partial<HttpSession>, message: object): Promise<IncomingHttpHeaders> {
    const headers = { 'content-type': 'application/json', ...headersOf(client) };
    const response = await pool.request({ method: 'POST', path, headers, body: JSON.stringify(message) });
    const text = await response.body.text();
    if (response.statusCode >= 300) throw new Error(`the server answered ${response.statusCode}: ${text}`);
    return response.headers;
  }

  async function openOne(): Promise<HttpSession> {
    const clientId = randomUUID();
    const { params, ...request } = initializeRequest(0);
    const _meta = { webhookUrl: `${hooks.origin}/${clientId}`, webhookSecret: generateSecret() };
    const message = { ...request, params: { ...params, _meta } };
    const byWebhook = dialect === 'webhook' ? hooks.answerTo(`/${clientId}`, 0) : undefined;
    const connection = await post({ clientId }, message);
    const sessionId = byWebhook === undefined ? connection['mcp-session-id'] : (await byWebhook)['x-session-id'];
    if (typeof sessionId !== 'string') throw new Error('the answer to initialize names no session');
    const session = { clientId, sessionId };
    await post(session, INITIALIZED);
    return session;
  }

  return {
    async open(count) {
      const sessions: HttpSession[] = [];
      while (sessions.length < count) {
        const length = Math.min(AT_A_TIME, count - sessions.length);
        sessions.push(...(await Promise.all(Array.from({ length }, openOne))));
      }
      return sessions;
    },
    async call(session, request) {
      const answered = hooks.answerTo(`/${session.clientId}`, request.id);
      post(session, request).catch(fail);
      await answered;
    },
    async close() {
      hooks.close();
      await pool.destroy();
    },
  };
}

function webhookHeaders({ clientId, sessionId }: Partial<HttpSession>): Record<string, string> {
  return {
    'x-message-id': randomUUID(),
    ...(clientId !== undefined && { 'x-client-id': clientId }),
    ...(sessionId !== undefined && { 'x-session-id': sessionId }),
  };
}

function streamableHeaders({ sessionId }: Partial<HttpSession>): Record<string, string> {
  return {
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2025-11-25',
    ...(sessionId !== undefined && { 'mcp-session-id': sessionId }),
  };
}

interface Hooks {
  readonly origin: string;
  /** Resolves with the headers of the answer to a request when it has come to a path. */
  answerTo(path: string, id: number): Promise<IncomingHttpHeaders>;
  close(): void;
}

async function startHooks(): Promise<Hooks> {
  const waiting = new Map<string, (headers: IncomingHttpHeaders) => void>();

  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { id } = (await json(request)) as { id: number };
    response.writeHead(204).end();
    const key = `${request.url ?? ''}#${id}`;
    waiting.get(key)?.(request.headers);
    waiting.delete(key);
  }

  const server = createServer({ keepAliveTimeout: KEPT_FOR_MS }, (request, response) => {
    take(request, response).catch(fail);
  });
  return {
    origin: await listen(server),
    answerTo: (path, id) =>
      new Promise((resolve) => {
        waiting.set(`${path}#${id}`, resolve);
      }),
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('listening on no port');
  return `http://127.0.0.1:${address.port}`;
}
