import { createServer } from 'node:http';
import { Agent } from 'undici';
import { listenOnLoopback } from './listen.js';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** What becomes of the next requests that a proxy is sent. */
export type ProxyFault =
  /** It is forwarded twice; the first answer is passed on. */
  | 'twice'
  /** It is forwarded, and the connection is cut instead of passing the answer on. */
  | 'lose-answer'
  /** It is not forwarded; the answer is 503. */
  | 'unavailable';

/** A load balancer of one's own between two ends, on a real socket. */
export interface Proxy {
  readonly url: string;
  /** The next `count` requests meet with a fault. */
  next(count: number, fault: ProxyFault): void;
  /** While it is, every connection is cut without an answer. */
  down: boolean;
  /** Requests that were forwarded, copies included. */
  readonly forwarded: number;
  /** Requests that found nobody to be forwarded to. */
  readonly refused: number;
  close(): Promise<void>;
}

/** @param route - where a request to a path goes, as an origin or URL without a path; undefined: 502. Asked once for each copy. */
export async function startProxy(route: (path: string) => string | undefined): Promise<Proxy> {
  const agent = new Agent({ keepAliveTimeout: 1000, connections: 256 });
  const faults: ProxyFault[] = [];
  let forwarded = 0;
  let refused = 0;
  let down = false;

  async function forward(request: IncomingMessage, body: Buffer, response: ServerResponse): Promise<void> {
    if (down) return void request.socket.destroy();
    const fault = faults.shift();
    if (fault === 'unavailable') return void response.writeHead(503, { 'retry-after': '0' }).end();
    const first = send(request, body);
    if (fault === 'twice') await Promise.allSettled([first, send(request, body)]);
    const answer = await first;
    if (fault === 'lose-answer') return void request.socket.destroy();
    response.writeHead(answer.status, answer.headers).end(answer.body);
  }

  async function send(
    request: IncomingMessage,
    body: Buffer,
  ): Promise<{ status: number; headers: Record<string, string | string[]>; body: string }> {
    const path = request.url ?? '/';
    const origin = route(path);
    if (origin === undefined) {
      refused++;
      return { status: 502, headers: {}, body: '' };
    }
    forwarded++;
    const { host: _host, connection: _connection, 'content-length': _length, ...headers } = request.headers;
    const method = request.method === 'DELETE' ? 'DELETE' : 'POST';
    const sent = await agent.request({ origin, path, method, headers, ...(body.length > 0 && { body }) });
    const { 'transfer-encoding': _encoding, connection: _closed, ...kept } = sent.headers;
    return { status: sent.statusCode, headers: defined(kept), body: await sent.body.text() };
  }

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => void chunks.push(chunk));
    request.on('end', () => {
      forward(request, Buffer.concat(chunks), response).catch(() => void response.writeHead(502).end());
    });
  });
  const origin = await listenOnLoopback(server);
  return {
    url: origin,
    next: (count, fault) => void faults.push(...Array.from({ length: count }, () => fault)),
    get forwarded() {
      return forwarded;
    },
    get refused() {
      return refused;
    },
    get down() {
      return down;
    },
    set down(value) {
      down = value;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await agent.destroy();
    },
  };
}

function defined(headers: Record<string, string | string[] | undefined>): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(headers).filter((entry): entry is [string, string | string[]] => entry[1] !== undefined),
  );
}
