import { setMaxListeners } from 'node:events';
import { AsyncMcpError, TransientMap, isRecord, isRequestId, toAsyncMcpError } from '@asyncmcp/core';
import {
  Header,
  StreamableHeader,
  againHeaders,
  attemptOf,
  parseAnswer,
  readYes,
  sendUntilTaken,
  takenByOf,
} from '@asyncmcp/webhook/parts';
import type { Logger } from '@asyncmcp/core';
import type { PersistentSend, PostAnswer, Resendable, ServerAnswer } from '@asyncmcp/webhook/parts';
import type { JSONRPCRequest, RequestId } from '@modelcontextprotocol/sdk/types.js';
import { openStream, unlessClosed } from './client-stream.js';
import type { Exchange, ExchangeAnswer, Fetch } from './client-exchange.js';

/** A request that is being sent, and may have to be sent again. */
export interface OpenPost extends Resendable {
  readonly request: JSONRPCRequest;
  /** The same each time it is sent. */
  readonly messageId: string;
}

export interface PostsOptions {
  readonly exchange: Exchange;
  /** For whatever is not the server: what OAuth needs. */
  readonly otherFetch: Fetch;
  readonly serverUrl: URL;
  readonly clientId: string;
  readonly userHeaders: (() => Promise<Readonly<Record<string, string>>>) | undefined;
  /** MCP's own headers, as the SDK's transport has them in a session; undefined where only that one can say. */
  readonly mcpHeaders: () => Readonly<Record<string, string>> | undefined;
  readonly retryForMs: number;
  /** Whether a 401 or 403 is for the SDK, which can do something about it. */
  readonly handlesAuth: boolean;
  /** Whether a stream is asked for until there is one; otherwise that is left to the SDK. */
  readonly reopensStreams: boolean;
  /** Told of what goes wrong and is nobody's answer. */
  readonly failed: (error: AsyncMcpError) => void;
  /** Told of a request whose stream has ended or broken off, and of the server that it came from. */
  readonly onStreamClosed: (id: RequestId, server: ServerAnswer) => void;
  readonly logger: Logger;
  readonly closing: AbortSignal;
}

/** The POSTs of one client transport: retried under one message id where nobody has taken them, and watched for what they come to. */
export interface ClientPosts {
  /** For the SDK's transport. */
  readonly fetch: Fetch;
  /** A request is about to be sent. */
  begin(post: OpenPost): void;
  /**
   * Sends the request before it is handed to the SDK's transport. Resolves with whether nothing is left for that one to do: a server has
   * taken it, and answers by webhook, or the request was given up meanwhile. Whatever else the server answered, the SDK gets when it
   * sends the request. (What it makes of a bare 202, several objects of the Fetch standard, costs a small call more than all the rest of
   * its way.)
   *
   * @throws AsyncMcpError as `fetch`; `ERR_MESSAGE_INVALID` for what JSON cannot say
   */
  sendAhead(post: OpenPost): Promise<boolean>;
  /** Who has taken it, where the answer comes by webhook; undefined where it comes over the connection. */
  takenBy(id: RequestId): ServerAnswer | undefined;
  /** It is answered, or nobody waits for it any more. */
  end(id: RequestId): void;
}

interface Tried extends PostAnswer {
  readonly answer: ExchangeAnswer;
}

/** A request that waits for its answer. A class, because one is made for each: core's `TransientMap` says why. */
class Open {
  readonly post: OpenPost;
  taken: ServerAnswer | undefined;

  constructor(post: OpenPost) {
    this.post = post;
  }
}

/** One logical send of a request; a class, too. */
class Send implements PersistentSend<Tried> {
  readonly target: string;
  readonly inSession: boolean;
  readonly attempt: number;
  readonly takenBy: string | undefined;
  readonly #named: Readonly<Record<string, string>>;
  readonly #send: (added: Readonly<Record<string, string>>) => Promise<Tried>;

  constructor(
    target: string,
    { messageId, attempt = 1, takenBy }: Partial<OpenPost>,
    inSession: boolean,
    onTry: (added: Readonly<Record<string, string>>) => Promise<Tried>,
  ) {
    this.target = target;
    this.inSession = inSession;
    this.attempt = attempt;
    this.takenBy = takenBy;
    this.#named = messageId === undefined ? {} : { [Header.messageId]: messageId };
    this.#send = onTry;
  }

  tryOnce(attempt: number, takenBy: string | undefined): Promise<Tried> {
    const isFirst = attempt === 1 && takenBy === undefined;
    return this.#send(isFirst ? this.#named : { ...this.#named, ...againHeaders(attempt, takenBy) });
  }
}

/** Statuses whose answers have no body, by the Fetch standard, and the one whose body is read here. */
const NO_BODY: readonly number[] = [202, 204, 205, 304];

export function createClientPosts(options: PostsOptions): ClientPosts {
  const { exchange, serverUrl, clientId, userHeaders, handlesAuth } = options;
  const open = new TransientMap<RequestId, Open>();
  /** What the server has answered to what was sent ahead, until the SDK asks for it: also where its request is given up by then. */
  const ahead = new TransientMap<RequestId, ExchangeAnswer>();
  const target = serverUrl.origin + serverUrl.pathname;
  const known = new WeakSet<AbortSignal>();

  async function headersOf({ headers }: RequestInit): Promise<Record<string, string>> {
    const own = userHeaders === undefined ? {} : await userHeaders();
    const given = headers instanceof Headers ? headers : new Headers(headers);
    return { ...Object.fromEntries(given), ...lowerCased(own), [Header.clientId]: clientId };
  }

  /** One signal ends all that a transport has under way. */
  function signalOf({ signal }: RequestInit): AbortSignal | undefined {
    if (signal === undefined || signal === null) return undefined;
    if (!known.has(signal)) setMaxListeners(0, signal);
    known.add(signal);
    return signal;
  }

  async function tryOnce(
    method: 'POST' | 'DELETE',
    init: RequestInit,
    body: string | null,
    added: Readonly<Record<string, string>> = {},
  ): Promise<Tried> {
    const headers = Object.assign(await headersOf(init), added);
    return triedOf(await exchange.send({ method, headers, body, signal: signalOf(init) }));
  }

  /** Such an answer is for the SDK to deal with; anything else but a yes is retried or thrown. */
  function isForSdk({ status, answer }: Tried): boolean {
    return (status === 401 || status === 403) && handlesAuth && answer.headers['www-authenticate'] !== undefined;
  }

  async function post(init: RequestInit, body: string): Promise<Response> {
    const id = idIn(body);
    const entry = id === undefined ? undefined : open.get(id);
    const sentAhead = id === undefined ? undefined : ahead.get(id);
    if (id !== undefined) ahead.delete(id);
    const answer = sentAhead ?? (await sendForSdk(entry, init, body));
    if (id !== undefined && answer.streamClosed !== undefined) void watch(id, answer.streamClosed, serverOf(answer));
    return toResponse(answer);
  }

  async function sendForSdk(entry: Open | undefined, init: RequestInit, body: string): Promise<ExchangeAnswer> {
    const send = new Send(target, entry?.post ?? {}, isInSession(init), async (added) => {
      const tried = await tryOnce('POST', init, body, added);
      return isForSdk(tried) ? { ...tried, status: 200 } : tried;
    });
    const tried = await sendUntilTaken(send, options);
    noteTaken(entry, tried);
    return tried.answer;
  }

  function noteTaken(entry: Open | undefined, tried: Tried): void {
    if (entry !== undefined && tried.answer.status === 202) entry.taken = readYes(tried);
  }

  /** As the SDK's transport would. */
  async function tryAhead(
    body: string,
    mcpHeaders: Readonly<Record<string, string>>,
    added: Readonly<Record<string, string>>,
  ): Promise<Tried> {
    const own = userHeaders === undefined ? undefined : lowerCased(await userHeaders());
    const headers = { ...own, ...mcpHeaders, [Header.clientId]: clientId, ...added };
    const signal = exchange.closesAll ? undefined : options.closing;
    return triedOf(await exchange.send({ method: 'POST', headers, body, signal }));
  }

  /** Ends the session. It may have ended already (404), or the server may not let clients end any (405). */
  async function endSession(init: RequestInit): Promise<Response> {
    await sendUntilTaken<Tried>(
      {
        target,
        inSession: true,
        attempt: 1,
        takenBy: undefined,
        async tryOnce() {
          const tried = await tryOnce('DELETE', init, null);
          return tried.status === 404 || tried.status === 405 ? { ...tried, status: 200 } : tried;
        },
      },
      options,
    );
    return new Response(null, { status: 200 });
  }

  async function listen(init: RequestInit): Promise<ExchangeAnswer> {
    const ask = async (): Promise<ExchangeAnswer> =>
      exchange.send({ method: 'GET', headers: await headersOf(init), body: null, signal: signalOf(init) });
    if (!options.reopensStreams) return unlessClosed(ask, options.closing);
    const sessionId = new Headers(init.headers).get(StreamableHeader.sessionId) ?? undefined;
    return openStream(ask, { ...options, sessionId });
  }

  async function watch(id: RequestId, closed: Promise<void>, server: ServerAnswer): Promise<void> {
    await closed;
    options.onStreamClosed(id, server);
  }

  return {
    async fetch(url, init = {}) {
      if (String(url) !== serverUrl.href) return options.otherFetch(url, init);
      const { method = 'GET', body } = init;
      if (method === 'POST' && typeof body === 'string') return post(init, body);
      if (method === 'DELETE') return endSession(init);
      if (method !== 'GET') throw unknownUse(method);
      return toResponse(await listen(init));
    },
    begin(opened) {
      open.set(opened.request.id, new Open(opened));
    },
    async sendAhead(opened) {
      const { id } = opened.request;
      const entry = open.get(id);
      const mcpHeaders = options.mcpHeaders();
      if (entry === undefined || mcpHeaders === undefined) return false;
      const body = textOf(opened.request);
      const send = new Send(target, opened, true, (added) => tryAhead(body, mcpHeaders, added));
      const tried = await sendUntilTaken(send, options);
      noteTaken(entry, tried);
      const { answer } = tried;
      if (answer.status === 202 && keepsSession(answer, mcpHeaders)) return true;
      // Given up meanwhile: nobody reads it, and it must not be sent once more.
      if (open.get(id) !== entry) {
        // One that has broken off cannot be cancelled, and need not.
        void answer.stream?.cancel().catch(() => {});
        return true;
      }
      ahead.set(id, answer);
      return false;
    },
    takenBy: (id) => open.get(id)?.taken,
    end: (id) => void open.delete(id),
  };
}

function triedOf(answer: ExchangeAnswer): Tried {
  const { status, headers, text } = answer;
  // Of any yes but 202, the SDK is the reader.
  const json = (): unknown => (status === 200 ? undefined : parseAnswer(text));
  return { status, retryAfter: headers['retry-after'], json, answer };
}

/** Whether an answer names no other session than its request: the SDK takes up any that a server gives. */
function keepsSession({ headers }: ExchangeAnswer, mcpHeaders: Readonly<Record<string, string>>): boolean {
  const name = StreamableHeader.sessionId;
  return headers[name] === undefined || headers[name] === mcpHeaders[name];
}

/** @throws AsyncMcpError `ERR_MESSAGE_INVALID` */
function textOf(request: JSONRPCRequest): string {
  try {
    return JSON.stringify(request);
  } catch (error) {
    throw toAsyncMcpError(error, 'ERR_MESSAGE_INVALID', 'The message cannot be written as JSON');
  }
}

/** What the server of a stream says of itself, as in the body of a 202: nothing, where it is none of this project's. */
function serverOf({ headers }: ExchangeAnswer): ServerAnswer {
  return {
    takenBy: takenByOf(headers),
    attempt: headers[Header.attempt] === undefined ? undefined : attemptOf(headers),
  };
}

function isInSession({ headers }: RequestInit): boolean {
  return (headers instanceof Headers ? headers : new Headers(headers)).has(StreamableHeader.sessionId);
}

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function toResponse({ status, headers, text, stream }: ExchangeAnswer): Response {
  const web = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value === 'string') web.set(name, value);
    else for (const one of value ?? []) web.append(name, one);
  }
  return new Response(NO_BODY.includes(status) ? null : (stream ?? text), { status, headers: web });
}

/** The id of the request that the SDK has written. */
function idIn(body: string): RequestId | undefined {
  const message: unknown = JSON.parse(body);
  const isCall = isRecord(message) && 'method' in message;
  return isCall && isRequestId(message['id']) ? message['id'] : undefined;
}

function unknownUse(method: string): AsyncMcpError {
  return new AsyncMcpError('ERR_INTERNAL', `The MCP SDK sent something that this transport does not know: ${method}.`);
}
