import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { generateSecret } from '@asyncmcp/webhook';
import { Pool } from 'undici';
import { INITIALIZED, initializeRequest } from '../handshake.js';
import type { IncomingMessage, Server } from 'node:http';

/** How many sessions are being opened at a time. */
const AT_A_TIME = 20;

/** Longer than any server of this project keeps a connection, in milliseconds. */
const KEPT_FOR_MS = 600_000;

/**
 * Opens sessions over the wire: as many clients as sessions, each with a webhook URL of its own. It never hangs up, so that it
 * is the server that does.
 */
export interface SessionOpener {
  open(count: number): Promise<void>;
  close(): Promise<void>;
}

export async function createSessionOpener(serverUrl: string): Promise<SessionOpener> {
  const { origin, pathname: path } = new URL(serverUrl);
  // Without the threshold, which is taken off what the server says, undici would close its connections shortly before the server.
  const pool = new Pool(origin, { keepAliveTimeoutThreshold: -KEPT_FOR_MS });
  const hooks = await startHooks();

  async function post(clientId: string, sessionId: string | undefined, message: object): Promise<void> {
    const headers = {
      'content-type': 'application/json',
      'x-client-id': clientId,
      'x-message-id': randomUUID(),
      ...(sessionId !== undefined && { 'x-session-id': sessionId }),
    };
    const { statusCode, body } = await pool.request({ method: 'POST', path, headers, body: JSON.stringify(message) });
    const text = await body.text();
    if (statusCode >= 300) throw new Error(`the server answered ${statusCode}: ${text}`);
  }

  async function openOne(): Promise<void> {
    const clientId = randomUUID();
    const { params, ...request } = initializeRequest(0);
    const { url, opened } = hooks.add(clientId);
    const _meta = { webhookUrl: url, webhookSecret: generateSecret() };
    await post(clientId, undefined, { ...request, params: { ...params, _meta } });
    await post(clientId, await opened, INITIALIZED);
  }

  return {
    async open(count) {
      for (let opened = 0; opened < count; opened += AT_A_TIME) {
        await Promise.all(Array.from({ length: Math.min(AT_A_TIME, count - opened) }, openOne));
      }
    },
    async close() {
      hooks.close();
      await pool.destroy();
    },
  };
}

interface Hooks {
  /** A webhook URL; `opened` resolves with the session id when the answer to `initialize` has come to it. */
  add(name: string): { readonly url: string; readonly opened: Promise<string> };
  close(): void;
}

async function startHooks(): Promise<Hooks> {
  const waiting = new Map<string, (sessionId: string) => void>();
  const server = createServer({ keepAliveTimeout: KEPT_FOR_MS }, (request, response) => {
    const { url: path = '' } = request;
    request.resume().once('end', () => {
      response.writeHead(204).end();
      waiting.get(path)?.(sessionIdOf(request));
      waiting.delete(path);
    });
  });
  const origin = await listen(server);
  return {
    add(name) {
      const opened = new Promise<string>((resolve) => {
        waiting.set(`/${name}`, resolve);
      });
      return { url: `${origin}/${name}`, opened };
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function sessionIdOf({ headers }: IncomingMessage): string {
  const sessionId = headers['x-session-id'];
  if (typeof sessionId === 'string') return sessionId;
  throw new Error('the answer to initialize names no session');
}

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('listening on no port');
  return `http://127.0.0.1:${address.port}`;
}
