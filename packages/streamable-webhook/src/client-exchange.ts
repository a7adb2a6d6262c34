import { Agent } from 'undici';
import type { Dispatcher } from 'undici';
import type { ConnectionOptions } from 'node:tls';

/** What the SDK's client transport sends with: as the global `fetch`. */
export type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

/** What is sent to the server. */
export interface ExchangeRequest {
  readonly method: 'POST' | 'GET' | 'DELETE';
  readonly headers: Record<string, string>;
  readonly body: string | null;
  readonly signal: AbortSignal | undefined;
}

/** What the server answers: a stream of events, or anything else as text. */
export interface ExchangeAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  readonly stream: ReadableStream<Uint8Array> | undefined;
  /** Resolves when the stream has ended or broken off; undefined where that cannot be told. Never rejects. */
  readonly streamClosed: Promise<void> | undefined;
}

/** Sends one request to the server. */
export interface Exchange {
  /** Whether {@link close} alone ends everything that was sent; otherwise a signal has to. */
  readonly closesAll: boolean;
  send(request: ExchangeRequest): Promise<ExchangeAnswer>;
  /** Ends what is under way. */
  close(): Promise<void>;
}

export interface AgentExchangeOptions {
  readonly serverUrl: URL;
  readonly tls: Pick<ConnectionOptions, 'ca' | 'cert' | 'key'> | undefined;
}

const CONNECT_TIMEOUT_MS = 10_000;
/** Shorter than the server keeps them: who closes first need not be told that the other has. */
const KEEP_ALIVE_MS = 5000;

/**
 * Sends with an agent of its own: no limit on how long a stream may be silent or an answer may take (a tool runs as long as it
 * runs; the MCP client has its own limits), and no stream made of an answer that is none.
 */
export function createAgentExchange({ serverUrl, tls = {} }: AgentExchangeOptions): Exchange {
  const { ca, cert, key } = tls;
  const { origin, pathname, search } = serverUrl;
  const path = pathname + search;
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
  return {
    closesAll: true,
    send: ({ method, headers, body, signal }) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        agent.dispatch({ origin, path, method, headers, body }, new Answering(signal, resolve, reject));
      }),
    close: () => agent.destroy(),
  };
}

/** Sends with a `fetch` of the user's. */
export function createFetchExchange(fetch: Fetch, serverUrl: URL): Exchange {
  return {
    closesAll: false,
    async send({ method, headers, body, signal }) {
      const response = await fetch(serverUrl, {
        method,
        headers,
        body,
        redirect: 'manual',
        ...(signal !== undefined && { signal }),
      });
      const stream = isEventStream(response.status, response.headers.get('content-type'))
        ? (response.body ?? undefined)
        : undefined;
      const text = stream === undefined ? await response.text() : '';
      const answered = Object.fromEntries(response.headers);
      return { status: response.status, headers: answered, text, stream, streamClosed: undefined };
    },
    close: async () => {},
  };
}

function isEventStream(status: number, type: unknown): boolean {
  return status === 200 && typeof type === 'string' && /^text\/event-stream\b/i.test(type);
}

/** The answer to one request, while it comes. */
class Answering implements Dispatcher.DispatchHandler {
  readonly #signal: AbortSignal | undefined;
  readonly #resolve: (answer: ExchangeAnswer) => void;
  readonly #reject: (error: Error) => void;
  readonly #onAbort = (): void => this.#abort();
  #controller: Dispatcher.DispatchController | undefined;
  #status = 0;
  #headers: ExchangeAnswer['headers'] = {};
  #chunks: Buffer[] = [];
  #stream: ReadableStreamDefaultController<Uint8Array> | undefined;
  #whenClosed: (() => void) | undefined;
  /** Nobody reads the stream any more: a closed one takes nothing, not even its end. */
  #cancelled = false;

  constructor(
    signal: AbortSignal | undefined,
    resolve: (answer: ExchangeAnswer) => void,
    reject: (error: Error) => void,
  ) {
    this.#signal = signal;
    this.#resolve = resolve;
    this.#reject = reject;
    signal?.addEventListener('abort', this.#onAbort);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#signal?.aborted === true) this.#abort();
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: ExchangeAnswer['headers']): void {
    // 100 Continue and the like announce the answer.
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
    if (!isEventStream(status, headers['content-type'])) return;
    const stream = new ReadableStream<Uint8Array>({
      start: (streamController) => {
        this.#stream = streamController;
      },
      pull: () => controller.resume(),
      cancel: () => {
        this.#cancelled = true;
        controller.abort(new Error('nobody reads it any more'));
      },
    });
    const streamClosed = new Promise<void>((resolve) => {
      this.#whenClosed = resolve;
    });
    this.#resolve({ status, headers, text: '', stream, streamClosed });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#stream === undefined) {
      this.#chunks.push(chunk);
      return;
    }
    if (this.#cancelled) return;
    this.#stream.enqueue(chunk);
    if ((this.#stream.desiredSize ?? 0) <= 0) controller.pause();
  }

  onResponseEnd(): void {
    this.#end();
    if (this.#cancelled) return;
    if (this.#stream !== undefined) return this.#stream.close();
    const text = Buffer.concat(this.#chunks).toString('utf8');
    this.#resolve({ status: this.#status, headers: this.#headers, text, stream: undefined, streamClosed: undefined });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#end();
    if (!this.#cancelled) this.#stream?.error(error);
    this.#reject(error);
  }

  #abort(): void {
    const reason: unknown = this.#signal?.reason;
    this.#controller?.abort(reason instanceof Error ? reason : new Error('aborted'));
  }

  #end(): void {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#whenClosed?.();
  }
}
