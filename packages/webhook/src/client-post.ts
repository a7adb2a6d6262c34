import {
  AsyncMcpError,
  isAsyncMcpError,
  backoffDelay,
  checkMessage,
  errorCodeOf,
  isErrorResponse,
  isRecord,
  pause,
  toAsyncMcpError,
} from '@asyncmcp/core';
import { HttpRequest, requestText } from './http-exchange.js';
import { Header } from './http-wire.js';
import { parseRetryAfter } from './retry-after.js';
import type { AsyncMcpErrorCode, Logger } from '@asyncmcp/core';
import type { JSONRPCErrorResponse } from '@modelcontextprotocol/sdk/types.js';
import type { Dispatcher } from 'undici';

/** What a client sends to its server. */
export interface ServerRequest {
  readonly method: 'POST' | 'DELETE';
  readonly origin: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
  /** How often servers have begun with this message before, plus one. */
  readonly attempt: number;
  /** The server process that has taken it before, and may be working on it. */
  readonly takenBy?: string | undefined;
}

export interface ServerPostOptions {
  readonly agent: Dispatcher;
  /** Headers of the user's, asked for anew on each try: tokens expire. Undefined: none. */
  readonly userHeaders: (() => Promise<Readonly<Record<string, string>>>) | undefined;
  /** No new try begins after this time, in milliseconds. */
  readonly retryForMs: number;
  readonly logger: Logger;
  /** Aborted: no further try; what is under way is let finish. */
  readonly closing: AbortSignal;
}

/** A server's yes. */
export interface ServerAnswer {
  /** How often a server has begun with the message, this time included; undefined when one works on it already, or does not say. */
  readonly attempt: number | undefined;
  /** Names the process that has it. */
  readonly takenBy: string | undefined;
}

/**
 * Sends one message until a server has taken it or refused it for good. {@link readYes} reads the answer.
 *
 * @throws AsyncMcpError with the server's JSON-RPC error in `details.error` and the HTTP status in `details.status`, where the
 *   server answered; `ERR_UNAVAILABLE` where it did not
 */
export type ServerPost = (request: ServerRequest) => Promise<PostAnswer>;

/** What a server answered to one try. */
export interface PostAnswer {
  /** The HTTP status. */
  readonly status: number;
  /** The header `Retry-After`. */
  readonly retryAfter: string | string[] | undefined;
  /** The JSON it consists of; undefined where it is none, or is not to be read here. */
  json(): unknown;
}

/** One logical send, as far as sending it again is concerned. */
export interface PersistentSend<A extends PostAnswer> {
  /** Where it goes, for messages: without a query, which may hold a secret. */
  readonly target: string;
  /** Whether it names a session: a 404 that no server of ours has written means that the URL is wrong, before there is one. */
  readonly inSession: boolean;
  /** How often servers have begun with the message before, plus one. */
  readonly attempt: number;
  /** The server process that has taken it before, and may be working on it. */
  readonly takenBy: string | undefined;
  /** Sends it once. */
  tryOnce(attempt: number, takenBy: string | undefined): Promise<A>;
}

const BACKOFF = { baseMs: 200, maxMs: 10_000 };

/** For what another process has to take: soon, for the next try may reach it. */
const HAND_ON_BACKOFF = { baseMs: 5, maxMs: 100 };

/** After so many tries that did not reach the process which took a request, it is gone, and any other may begin anew. */
const MAX_MISSES = 25;

/** Statuses that say "not now", whoever answers them. */
const TRANSIENT: readonly number[] = [408, 425, 429, 502, 503, 504];

/** The same of what stands before a server, while that is being replaced: no server of ours has said so. */
const TRANSIENT_OF_PROXIES: readonly number[] = [404, 500];

export function createServerPost(options: ServerPostOptions): ServerPost {
  const { agent, userHeaders } = options;

  function send(
    { method, origin, path, headers, body }: ServerRequest,
    own: Readonly<Record<string, string>> | undefined,
    attempt: number,
    takenBy: string | undefined,
  ): Promise<PostAnswer> {
    // A first try without headers of the user's, which nearly all are, needs none of its own.
    const isPlain = own === undefined && attempt === 1 && takenBy === undefined;
    const all = isPlain ? headers : { ...own, ...headers, ...againHeaders(attempt, takenBy) };
    return requestText(agent, new HttpRequest(method, { origin, path }, all, body ?? null));
  }

  function tryOnce(request: ServerRequest, attempt: number, takenBy: string | undefined): Promise<PostAnswer> {
    if (userHeaders === undefined) return send(request, undefined, attempt, takenBy);
    return userHeaders().then((own) => send(request, own, attempt, takenBy));
  }

  return (request) => sendUntilTaken(new RequestSend(request, tryOnce), options);
}

/** A class, because one is made for every message: core's `TransientMap` says why. */
class RequestSend implements PersistentSend<PostAnswer> {
  readonly attempt: number;
  readonly takenBy: string | undefined;
  readonly inSession: boolean;
  readonly #request: ServerRequest;
  readonly #tryOnce: (request: ServerRequest, attempt: number, takenBy: string | undefined) => Promise<PostAnswer>;

  constructor(
    request: ServerRequest,
    onTry: (request: ServerRequest, attempt: number, takenBy: string | undefined) => Promise<PostAnswer>,
  ) {
    this.attempt = request.attempt;
    this.takenBy = request.takenBy;
    this.inSession = request.headers[Header.sessionId] !== undefined;
    this.#request = request;
    this.#tryOnce = onTry;
  }

  get target(): string {
    return shownTarget(this.#request);
  }

  tryOnce(attempt: number, takenBy: string | undefined): Promise<PostAnswer> {
    return this.#tryOnce(this.#request, attempt, takenBy);
  }
}

/**
 * Sends a message until a server has taken it (2xx) or refused it for good.
 *
 * @throws AsyncMcpError as {@link ServerPost}
 */
export function sendUntilTaken<A extends PostAnswer>(send: PersistentSend<A>, options: UntilTakenOptions): Promise<A> {
  const { closing, retryForMs } = options;
  const deadline = Date.now() + retryForMs;
  // Nearly all messages are taken at the first try, which has no frame of its own to wait in.
  if (closing.aborted) return Promise.reject(toAsyncMcpError(closing.reason, 'ERR_CLOSED', 'It is not sent any more'));
  const goOn = (answer: Answered<A>): Promise<A> => sendOn(send, answer, deadline, options);
  return send.tryOnce(send.attempt, send.takenBy).then(
    (answer) => (isTaken(answer) ? answer : goOn(answer)),
    (error: unknown) => goOn(unreachable(send.target, error)),
  );
}

type UntilTakenOptions = Pick<ServerPostOptions, 'retryForMs' | 'logger' | 'closing'>;

/** What a try came to. */
type Answered<A extends PostAnswer> = A | AsyncMcpError;

/** Goes on sending what was not taken at the first try. */
async function sendOn<A extends PostAnswer>(
  send: PersistentSend<A>,
  first: Answered<A>,
  deadline: number,
  { logger, closing }: UntilTakenOptions,
): Promise<A> {
  let answer = first;
  let { attempt } = send;
  let misses = 0;
  for (let tries = 1; ; tries++) {
    const failure = answer instanceof AsyncMcpError ? answer : refused(send.target, answer);
    const handOn = answer instanceof AsyncMcpError ? {} : handOnIn(answer);
    if (handOn.elsewhere === true) misses++;
    if (handOn.attempt !== undefined) attempt = handOn.attempt + 1;
    const asked = answer instanceof AsyncMcpError ? 0 : retryAfterOf(send.inSession, answer, failure);
    const quick = handOn.elsewhere === true || (handOn.attempt !== undefined && asked === 0);
    const delayMs = Math.max(asked, backoffDelay(tries, quick ? HAND_ON_BACKOFF : BACKOFF));
    // Looking for another process ends soon; a server that goes on sending us elsewhere, though it is not asked to, does not.
    const looks = handOn.elsewhere === true && misses <= MAX_MISSES;
    const late = Date.now() + delayMs > deadline && !looks;
    // Also where the answer comes after close(): that it is not sent again is because of that one.
    closing.throwIfAborted();
    if (late) throw failure;
    logger.debug({ err: failure, tries, delayMs }, 'the server did not take a message; it is sent again');
    await pause(delayMs, closing);
    answer = await send
      .tryOnce(attempt, misses < MAX_MISSES ? send.takenBy : undefined)
      .catch((error: unknown) => unreachable(send.target, error));
    if (!(answer instanceof AsyncMcpError) && isTaken(answer)) return answer;
  }
}

function isTaken({ status }: PostAnswer): boolean {
  return status >= 200 && status < 300;
}

/** What a server's yes says of who has the message. */
export function readYes(answer: Pick<PostAnswer, 'json'>): ServerAnswer {
  const body = answer.json();
  const server = isRecord(body) ? body['server'] : undefined;
  return { attempt: attemptIn(body), takenBy: typeof server === 'string' && server.length <= 100 ? server : undefined };
}

/** How long the server asks to wait, in milliseconds. Throws what is final. */
function retryAfterOf(inSession: boolean, answer: PostAnswer, failure: AsyncMcpError): number {
  if (!isTransient(inSession, answer)) throw failure;
  return parseRetryAfter(answer.retryAfter, Date.now());
}

function isTransient(inSession: boolean, answer: PostAnswer): boolean {
  const { status } = answer;
  if (TRANSIENT.includes(status)) return true;
  return TRANSIENT_OF_PROXIES.includes(status) && errorIn(answer.json()) === undefined && inSession;
}

/** A server that is not the one to handle a message says so in its error: it began and could not go on, or another has it. */
function handOnIn(answer: PostAnswer): { readonly attempt?: number; readonly elsewhere?: boolean } {
  const data: unknown = errorIn(answer.json())?.error.data;
  const attempt = attemptIn(data);
  return { ...(attempt !== undefined && { attempt }), elsewhere: isRecord(data) && data['elsewhere'] === true };
}

/** The headers of what is sent again. */
export function againHeaders(attempt: number, takenBy: string | undefined): Record<string, string> {
  return {
    ...(attempt > 1 && { [Header.attempt]: String(attempt) }),
    ...(takenBy !== undefined && { [Header.takenBy]: takenBy }),
  };
}

/** @throws what another try does not change: what the user's `headers()` made cannot be sent */
function unreachable(target: string, error: unknown): AsyncMcpError {
  if (isAsyncMcpError(error, 'ERR_INVALID_OPTION')) throw error;
  const why = error instanceof Error ? error.message : String(error);
  return new AsyncMcpError('ERR_UNAVAILABLE', `${target} cannot be reached: ${why}`, { cause: error });
}

/** Without the query, which may hold a secret. */
function shownTarget({ origin, path }: ServerRequest): string {
  return origin + path.replace(/\?.*$/s, '');
}

/** The codes of a server that a client passes on as they are. */
const PASSED_ON: ReadonlySet<string> = new Set<AsyncMcpErrorCode>([
  'ERR_ACCESS_DENIED',
  'ERR_CALL_STORE',
  'ERR_CREATE_SERVER',
  'ERR_MESSAGE_INVALID',
  'ERR_MESSAGE_TOO_LARGE',
  'ERR_PROTOCOL_VERSION',
  'ERR_REPLY_ADDRESS_REFUSED',
  'ERR_SESSION_LIMIT',
  'ERR_SESSION_NOT_FOUND',
  'ERR_SESSION_REQUIRED',
  'ERR_SESSION_STORE',
  'ERR_TOO_MANY_ATTEMPTS',
]);

function refused(where: string, answer: PostAnswer): AsyncMcpError {
  const { status } = answer;
  const error = errorIn(answer.json());
  const details = { status, ...(error !== undefined && { error: error.error }) };
  const text =
    error === undefined
      ? `${where} answered ${status}, and not as an asyncmcp server does; is it the right URL?`
      : `${where} answered ${status}: ${error.error.message}`;
  return new AsyncMcpError(codeOf(status, error), text, { details });
}

function codeOf(status: number, error: JSONRPCErrorResponse | undefined): AsyncMcpErrorCode {
  const code = error === undefined ? undefined : errorCodeOf(error);
  if (code !== undefined && PASSED_ON.has(code)) return code as AsyncMcpErrorCode;
  if (status === 401 || status === 403) return 'ERR_ACCESS_DENIED';
  if (status === 404 || status === 410) return error === undefined ? 'ERR_DESTINATION_GONE' : 'ERR_SESSION_NOT_FOUND';
  if (status === 413) return 'ERR_MESSAGE_TOO_LARGE';
  return status === 429 || status >= 500 ? 'ERR_UNAVAILABLE' : 'ERR_MESSAGE_INVALID';
}

/** The JSON-RPC error that a body is. Older peers' errors may have an id that MCP does not allow; what they say counts. */
function errorIn(body: unknown): JSONRPCErrorResponse | undefined {
  if (!isRecord(body)) return undefined;
  const { id: _unread, ...rest } = body;
  const parsed = checkMessage(rest);
  return parsed.ok && isErrorResponse(parsed.message) ? parsed.message : undefined;
}

function attemptIn(body: unknown): number | undefined {
  const attempt = isRecord(body) ? body['attempt'] : undefined;
  return typeof attempt === 'number' && Number.isSafeInteger(attempt) && attempt > 0 ? attempt : undefined;
}
