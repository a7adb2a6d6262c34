import { setMaxListeners } from 'node:events';
import { Readable } from 'node:stream';
import { Agent } from 'undici';
import type { ConnectionOptions } from 'node:tls';

/** What the SDK's client transport sends with: as the global `fetch`. */
export type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

export interface ServerFetchOptions {
  /** The server; anything else (OAuth) is left to the global `fetch`. */
  readonly serverUrl: URL;
  readonly tls: Pick<ConnectionOptions, 'ca' | 'cert' | 'key'> | undefined;
  /** Told when the body of an answer has ended or broken off. */
  readonly onBodyClosed: (response: Response) => void;
}

export interface ServerFetch {
  readonly fetch: Fetch;
  /** Ends what is under way. */
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 10_000;
/** Shorter than the server keeps them: who closes first need not be told that the other has. */
const KEEP_ALIVE_MS = 5000;
/** Statuses whose answers have no body, by the Fetch standard. */
const NO_BODY: readonly number[] = [101, 103, 204, 205, 304];

/**
 * A `fetch` on an agent of its own: no limit on how long a stream may be silent or an answer may take (a tool runs as long as it
 * runs; the MCP client has its own limits), and nothing made of an answer that nobody reads.
 */
export function createServerFetch({ serverUrl, tls = {}, onBodyClosed }: ServerFetchOptions): ServerFetch {
  const { ca, cert, key } = tls;
  const agent = new Agent({
    pipelining: 1,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: {
      timeout: CONNECT_TIMEOUT_MS,
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
    },
  });
  const known = new WeakSet<AbortSignal>();

  async function fetchFromServer(url: URL, init: RequestInit): Promise<Response> {
    const { method = 'GET', headers, body, signal } = init;
    if (signal !== undefined && signal !== null && !known.has(signal)) {
      // One signal ends all that a transport has under way.
      setMaxListeners(0, signal);
      known.add(signal);
    }
    const answer = await agent.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method: method === 'POST' || method === 'DELETE' ? method : 'GET',
      headers: Object.fromEntries(new Headers(headers)),
      body: typeof body === 'string' ? body : null,
      signal: signal ?? null,
    });
    return toResponse(answer.statusCode, answer.headers, answer.body);
  }

  function toResponse(
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
    body: Readable,
  ): Response {
    const init = { status, headers: webHeaders(headers) };
    if (NO_BODY.includes(status) || headers['content-length'] === '0') {
      body.resume();
      return new Response(null, init);
    }
    const response = new Response(Readable.toWeb(body), init);
    body.once('close', () => onBodyClosed(response));
    return response;
  }

  return {
    fetch: (url, init = {}) => {
      const target = new URL(url);
      const ours = target.origin === serverUrl.origin && target.pathname === serverUrl.pathname;
      const body: unknown = init.body ?? '';
      return ours && typeof body === 'string' ? fetchFromServer(target, init) : fetch(url, init);
    },
    close: () => agent.destroy(),
  };
}

function webHeaders(headers: Readonly<Record<string, string | string[] | undefined>>): Headers {
  const web = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value === 'string') web.set(name, value);
    else for (const one of value ?? []) web.append(name, one);
  }
  return web;
}
