import { once } from 'node:events';
import { createServer, request as sendRequest } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { text } from 'node:stream/consumers';
import { Counter } from './counts.js';
import { listenOnLoopback } from './listen-on-loopback.js';
import { Pauses } from './pauses.js';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Counts } from './counts.js';

/** What becomes of the next requests that a proxy is sent. */
export type ProxyFault =
  /** It is forwarded twice at once; the first answer is passed on. */
  | 'twice'
  /** It is forwarded, and the connection is cut instead of passing the answer on. */
  | 'lose-answer'
  /** It is not forwarded; the answer is 503. */
  | 'unavailable'
  /** It is held for a while before it is forwarded. */
  | 'late'
  /** It is forwarded after the next one has been answered; or after a while, when there is none, which is not counted. */
  | 'overtaken';

/** How long requests are held, in milliseconds. */
const HELD_FOR_MS = 400;

/** What a proxy can tell by where a request goes. */
export interface ProxiedRequest {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/**
 * Where a request to a path goes, as an origin or URL without a path; or the status that the proxy answers itself. Undefined: nowhere,
 * which is a 502. Asked once for each copy.
 */
export type ProxyRoute = (path: string, request: ProxiedRequest) => string | number | undefined;

/** A load balancer of one's own between two ends, on a real socket. Answers are passed on as they come, streams too. */
export interface HttpProxy {
  readonly url: string;
  /** The next `count` POSTs, or those of them that it concerns, meet with a fault. */
  next(count: number, fault: ProxyFault, concerns?: (request: ProxiedRequest) => boolean): void;
  /** Faults that have met nothing yet never will. What is held goes on at once. */
  clear(): void;
  /** While it is, every connection is cut without an answer. */
  down: boolean;
  /** How many requests met with each fault; `down`: how many connections were cut. */
  readonly injected: Counts<ProxyFault | 'down'>;
  /** Requests that were forwarded, copies included. */
  readonly forwarded: number;
  /** Requests that found nobody to be forwarded to. */
  readonly refused: number;
  close(): Promise<void>;
}

export async function startHttpProxy(route: ProxyRoute): Promise<HttpProxy> {
  const closing = new AbortController();
  const faults: { readonly fault: ProxyFault; readonly concerns: (request: ProxiedRequest) => boolean }[] = [];
  const injected = new Counter<ProxyFault | 'down'>();
  const [late, toBeOvertaken] = [new Pauses(), new Pauses()];
  let answered = 0;
  let forwarded = 0;
  let refused = 0;
  let down = false;

  async function forward(request: IncomingMessage, body: string, response: ServerResponse): Promise<void> {
    if (down) return cut(request);
    const isPost = request.method === 'POST';
    const fault = isPost ? nextFault(request, body) : undefined;
    if (fault === 'unavailable') {
      injected.add(fault);
      return void response.writeHead(503, { 'retry-after': '0' }).end();
    }
    if (fault === 'late' || fault === 'overtaken') {
      await hold(fault);
      if (down) return cut(request);
    }
    const answer = await answerTo(request, body, response, fault);
    if (isPost) answered++;
    if (isPost && fault !== 'overtaken') toBeOvertaken.endAll();
    if (typeof answer === 'number') return void response.writeHead(answer).end();
    if (fault === 'lose-answer') {
      // Not before there is something to lose.
      await text(answer);
      injected.add(fault);
      return void request.socket.destroy();
    }
    passHeaders(answer, response);
    await pipeline(answer, response);
  }

  function clear(): void {
    faults.length = 0;
    late.endAll();
    toBeOvertaken.endAll();
  }

  function cut(request: IncomingMessage): void {
    injected.add('down');
    request.socket.destroy();
  }

  async function hold(fault: 'late' | 'overtaken'): Promise<void> {
    const before = answered;
    await (fault === 'late' ? late : toBeOvertaken).pause(HELD_FOR_MS);
    if (fault === 'late' || answered > before) injected.add(fault);
  }

  function nextFault({ method = 'POST', headers }: IncomingMessage, body: string): ProxyFault | undefined {
    const index = faults.findIndex(({ concerns }) => concerns({ method, headers, body }));
    return index === -1 ? undefined : faults.splice(index, 1)[0]?.fault;
  }

  async function answerTo(
    request: IncomingMessage,
    body: string,
    response: ServerResponse,
    fault: ProxyFault | undefined,
  ): Promise<IncomingMessage | number> {
    const gone = AbortSignal.any([closing.signal, closeOf(response)]);
    const first = send(request, body, gone);
    if (fault !== 'twice') return first;
    const copy = send(request, body, gone).then(discard);
    await Promise.allSettled([first, copy]);
    injected.add(fault);
    return first;
  }

  /** Resolves when the answer begins. */
  async function send(request: IncomingMessage, body: string, signal: AbortSignal): Promise<IncomingMessage | number> {
    const { url: path = '/', method = 'GET' } = request;
    const { connection: _connection, 'content-length': _length, ...headers } = request.headers;
    const origin = route(path, { method, headers, body });
    if (typeof origin === 'number') return origin;
    if (origin === undefined) {
      refused++;
      return 502;
    }
    forwarded++;
    const sent = sendRequest(new URL(path, origin), {
      method,
      headers: { ...headers, host: new URL(origin).host },
      signal,
    });
    sent.on('error', () => {});
    sent.end(body);
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    return answer;
  }

  const server = createServer((request, response) => {
    text(request)
      .then((body) => forward(request, body, response))
      .catch(() => {
        if (response.headersSent) response.destroy();
        else response.writeHead(502).end();
      });
  });
  const url = await listenOnLoopback(server);
  return {
    url,
    next(count, fault, concerns = () => true) {
      faults.push(...Array.from({ length: count }, () => ({ fault, concerns })));
    },
    injected,
    clear,
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
      closing.abort();
      clear();
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Reads to its end what nobody waits for. */
function discard(answer: IncomingMessage | number): void {
  if (typeof answer !== 'number') answer.on('error', () => {}).resume();
}

function passHeaders({ statusCode = 502, headers }: IncomingMessage, response: ServerResponse): void {
  const { connection: _connection, 'transfer-encoding': _encoding, 'keep-alive': _kept, ...passed } = headers;
  response.writeHead(statusCode, passed);
  response.flushHeaders();
}

/** Aborts when whoever waits for an answer has gone. */
function closeOf(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  return gone.signal;
}
