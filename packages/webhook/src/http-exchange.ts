import type { Dispatcher } from 'undici';
import type { PostAnswer } from './client-post.js';

/** A request whose body is text, or that has none. A class, because one is made for every message: core's `TransientMap` says why. */
export class HttpRequest {
  readonly method: 'POST' | 'DELETE';
  readonly origin: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string | null;

  constructor(
    method: HttpRequest['method'],
    { origin, path }: Pick<HttpRequest, 'origin' | 'path'>,
    headers: Record<string, string>,
    body: string | null,
  ) {
    this.method = method;
    this.origin = origin;
    this.path = path;
    this.headers = headers;
    this.body = body;
  }
}

export type HttpHeaders = Readonly<Record<string, string | string[] | undefined>>;

const NO_HEADERS: HttpHeaders = {};

/** A header's name and value by turns, as undici reads them; names are not in lower case. */
type RawHeaders = readonly (Buffer | string)[];

/** Most answers below 200 to one request: 100, 102 and 103 are those that there are. */
const MAX_ANNOUNCEMENTS = 3;

/** Who waits for the answer to a request. */
export interface ExchangeListener {
  /** The status is here. Not called when the exchange is over without one. */
  onAnswered(exchange: HttpExchange): void;
  /** There is nothing more to come: the answer is complete, or `error` is set. Called once. */
  onOver(exchange: HttpExchange): void;
}

/**
 * One request and its answer, on undici's `dispatch`: it makes no stream of an answer that nobody reads as one, which is what most of
 * a small request's time goes into on our side. Bounds on sizes and times are those of the agent.
 *
 * The callbacks are those that undici 7 itself calls, and its `request()` is written with. The ones that follow them (`onResponseStart` …)
 * it wraps around these, and reads all headers of every answer for them; of nearly all answers nobody wants to know more than the status.
 */
export class HttpExchange implements Dispatcher.DispatchHandler, PostAnswer {
  /** 0 before the answer begins. */
  status = 0;
  readonly #listener: ExchangeListener;
  #rawHeaders: RawHeaders | undefined;
  #headers: HttpHeaders | undefined;
  #abort: ((reason: Error) => void) | undefined;
  #first: Buffer | undefined;
  #rest: Buffer[] | undefined;
  #over = false;
  #error: Error | undefined;
  #aborted: Error | undefined;
  #announced = 0;

  constructor(listener: ExchangeListener) {
    this.#listener = listener;
  }

  get over(): boolean {
    return this.#over;
  }

  /** What ended the exchange before its answer was complete. */
  get error(): Error | undefined {
    return this.#error;
  }

  /** With names in lower case; none before the answer begins. */
  get headers(): HttpHeaders {
    if (this.#rawHeaders === undefined) return NO_HEADERS;
    return (this.#headers ??= readHeaders(this.#rawHeaders));
  }

  /** The body of the answer, as far as it has come. */
  text(): string {
    if (this.#first === undefined) return '';
    return (this.#rest === undefined ? this.#first : Buffer.concat([this.#first, ...this.#rest])).toString('utf8');
  }

  /** The header `Retry-After`. */
  get retryAfter(): string | string[] | undefined {
    return this.headers['retry-after'];
  }

  /** The JSON that the answer consists of; undefined for anything else. Read anew each time. */
  json(): unknown {
    return parseAnswer(this.text());
  }

  /** Ends the exchange, wherever it stands. Does nothing when it is over. */
  abort(reason: Error): void {
    if (this.#over) return;
    this.#aborted = reason;
    this.#abort?.(reason);
    this.#end(reason);
  }

  onConnect(abort: (reason?: Error) => void): void {
    this.#abort = abort;
    if (this.#aborted !== undefined) abort(this.#aborted);
  }

  /** @returns whether to go on reading; these all do: the agent bounds what there is to read */
  onHeaders(status: number, rawHeaders: RawHeaders): boolean {
    // 100 Continue and the like announce the answer. Each starts undici's clock anew: they could go on for ever.
    if (status < 200 && ++this.#announced > MAX_ANNOUNCEMENTS) this.abort(new Error('the answer never came'));
    if (status < 200 || this.#over) return true;
    this.status = status;
    this.#rawHeaders = rawHeaders;
    this.#listener.onAnswered(this);
    return true;
  }

  onData(chunk: Buffer): boolean {
    if (this.#first === undefined) this.#first = chunk;
    else (this.#rest ??= []).push(chunk);
    return true;
  }

  onComplete(): void {
    this.#end(undefined);
  }

  onError(error: Error): void {
    this.#end(error);
  }

  #end(error: Error | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#error = error;
    this.#listener.onOver(this);
  }
}

function readHeaders(raw: RawHeaders): HttpHeaders {
  const headers = new Map<string, string | string[]>();
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = latin1(raw[index]).toLowerCase();
    const value = latin1(raw[index + 1]);
    const known = headers.get(name);
    headers.set(name, known === undefined ? value : [known, value].flat());
  }
  return Object.fromEntries(headers);
}

function latin1(text: Buffer | string | undefined): string {
  return typeof text === 'string' ? text : (text?.toString('latin1') ?? '');
}

/** Longest body of an answer that is read, in characters. */
const MAX_ANSWER_LENGTH = 65_536;

/** The JSON that an answer consists of; undefined for anything else. */
export function parseAnswer(text: string): unknown {
  if (text.length > MAX_ANSWER_LENGTH) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Sends a request. Its exchange is told of whatever becomes of it, what undici refuses to send included. */
export function sendRequest(agent: Dispatcher, request: HttpRequest, exchange: HttpExchange): void {
  agent.dispatch(request, exchange);
}

/**
 * Sends a request and waits for the whole answer.
 *
 * @throws what undici failed with
 */
export function requestText(agent: Dispatcher, request: HttpRequest): Promise<HttpExchange> {
  return new Promise((resolve, reject) => {
    sendRequest(agent, request, new HttpExchange(new WholeAnswer(resolve, reject)));
  });
}

class WholeAnswer implements ExchangeListener {
  readonly #resolve: (exchange: HttpExchange) => void;
  readonly #reject: (error: Error) => void;

  constructor(resolve: (exchange: HttpExchange) => void, reject: (error: Error) => void) {
    this.#resolve = resolve;
    this.#reject = reject;
  }

  onAnswered(): void {}

  onOver(exchange: HttpExchange): void {
    if (exchange.error === undefined) this.#resolve(exchange);
    else this.#reject(exchange.error);
  }
}
