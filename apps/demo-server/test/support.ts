import { createServer } from 'node:http';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { listenOnLoopback } from '@asyncmcp/testkit';
import { createDemoMcpServer } from '../src/demo-mcp-server.js';
import { createSafeFetch } from '../src/safe-fetch.js';
import type { RequestListener } from 'node:http';
import type { SessionInfo } from '@asyncmcp/core';
import type { ClientCapabilities } from '@modelcontextprotocol/sdk/types.js';
import type { DemoMcpServerOptions } from '../src/demo-mcp-server.js';
import type { SafeFetch } from '../src/safe-fetch.js';

export const session: SessionInfo = {
  id: '8f14e45f-ceea-467f-a0e6-b1d9a4d1c1a5',
  replyTo: 'nowhere',
  initializeParams: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1.0.0' } },
  initialized: true,
  createdAt: 0,
  lastSeenAt: 0,
  resumed: false,
};

export function createClient(capabilities: ClientCapabilities = {}): Client {
  return new Client({ name: 'test', version: '1.0.0' }, { capabilities });
}

/** Connects a client to a demo server in this process. Closing the client closes both. */
export async function connect(options: DemoMcpServerOptions = {}, client = createClient()): Promise<Client> {
  const [near, far] = InMemoryTransport.createLinkedPair();
  await createDemoMcpServer(session, options).connect(far);
  await client.connect(near);
  return client;
}

/** A web server on loopback that answers as it is told. */
export interface Pages {
  readonly origin: string;
  /** The paths that were asked for. */
  readonly asked: readonly string[];
  answer: RequestListener;
  /** Fetches from here, and from no other place that is not public. */
  readonly safeFetch: SafeFetch;
  close(): Promise<void>;
}

export async function startPages(): Promise<Pages> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    pages.answer(request, response);
  });
  const origin = await listenOnLoopback(server);
  const pages: Pages = {
    origin,
    asked,
    answer: (_request, response) => void response.writeHead(404).end(),
    safeFetch: createSafeFetch({ allowPrivate: (url) => url.origin === origin }),
    async close() {
      const closed = new Promise((resolve) => {
        server.close(resolve);
      });
      server.closeAllConnections();
      await closed;
    },
  };
  return pages;
}

export function answerWith(body: string | Buffer, headers: Record<string, string> = {}): RequestListener {
  return (_request, response) => void response.writeHead(200, { 'content-type': 'text/html', ...headers }).end(body);
}

export function redirectTo(location: string, status = 302): RequestListener {
  return (_request, response) => void response.writeHead(status, { location }).end('elsewhere');
}
