import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';
import { AsyncMcpError, JsonRpcErrorCode, errorResponse, isNotification, isRequest, isResponse } from '@asyncmcp/core';
import { eventsOfSession } from './event-store.js';
import { toWebRequest } from './http-bridge.js';
import type { ServerResponse } from 'node:http';
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import type { JSONRPCMessage, JSONRPCRequest, MessageExtraInfo, RequestId } from '@modelcontextprotocol/sdk/types.js';
import type { Logger } from '@asyncmcp/core';
import type { FastifyRequest } from 'fastify';
import type { EventStore, SessionEvents, StreamEvents } from './event-store.js';

export interface ChannelOptions {
  readonly jsonResponse: boolean;
  readonly eventStore: EventStore | undefined;
  readonly retryIntervalMs: number | undefined;
  readonly keepAliveMs: number;
  readonly logger: Logger;
  readonly report: (error: AsyncMcpError) => void;
}

/** The requests of a POST that are answered over its connection. */
export interface ChannelPost {
  readonly requests: readonly JSONRPCRequest[];
  /** Whether they came in a JSON-RPC batch: then they are answered on one connection. */
  readonly batched: boolean;
  readonly authInfo: AuthInfo | undefined;
  /** Where its answer goes. */
  readonly raw: ServerResponse;
  /** Called for each of them, once what it comes to has somewhere to go. */
  readonly onRequest: (request: JSONRPCRequest, extra: MessageExtraInfo) => void;
}

const ACCEPT_BOTH = 'application/json, text/event-stream';

/** What the SDK's transport is told to make it go on with a session. Of before resumable streams: no event is stored for it. */
const PRIMER = {
  jsonrpc: '2.0' as const,
  id: 'asyncmcp-primer',
  method: 'initialize',
  params: { protocolVersion: '2025-03-26', capabilities: {}, clientInfo: { name: 'asyncmcp', version: '0' } },
};

function isBatch({ requests }: ChannelPost): boolean {
  return requests.length > 1;
}

/** The connections of one session in this process: an HTTP transport of the SDK's, and what is under way over it. */
export class SessionChannel {
  readonly sessionId: string;
  readonly #options: ChannelOptions;
  readonly #events: SessionEvents | undefined;
  readonly #transport: WebStandardStreamableHTTPServerTransport;
  /** Requests that the SDK has and has not handed on yet, by id. */
  readonly #posts = new Map<RequestId, ChannelPost>();
  /** Requests whose answer was not sent yet, with the POST that they came in. */
  readonly #unanswered = new Map<RequestId, ChannelPost>();
  /** Requests whose answer is on its way to the connection, or into the event store. */
  readonly #answering = new Set<RequestId>();
  /** Lets go of who waits for JSON. */
  readonly #abandon = new WeakMap<ChannelPost, () => void>();
  #underWay = 0;
  #listening = 0;
  #freed = false;
  #onOver: (() => void) | undefined;

  /** @param onOver - called once, when nothing is under way and the session's live server is no more */
  private constructor(sessionId: string, options: ChannelOptions, onOver: () => void) {
    const { jsonResponse, eventStore, retryIntervalMs, keepAliveMs, logger, report } = options;
    this.sessionId = sessionId;
    this.#options = options;
    this.#events = eventStore === undefined ? undefined : eventsOfSession(eventStore, sessionId, report);
    this.#onOver = onOver;
    this.#transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => sessionId,
      enableJsonResponse: jsonResponse,
      keepAliveMs,
      ...(this.#events !== undefined && { eventStore: this.#events }),
      ...(retryIntervalMs !== undefined && { retryInterval: retryIntervalMs }),
    });
    this.#transport.onmessage = (message, extra = {}) => this.#handOn(message, extra);
    // Of what it refuses, the client is told; here it is no failure.
    this.#transport.onerror = (error) => logger.debug({ err: error, sessionId }, error.message);
  }

  /** A channel for a session that exists. */
  static async open(sessionId: string, options: ChannelOptions, onOver: () => void): Promise<SessionChannel> {
    const channel = new SessionChannel(sessionId, options, onOver);
    await channel.#prime();
    return channel;
  }

  /** Whether a client holds a stream open to hear what the session says by itself. */
  get isListening(): boolean {
    return this.#listening > 0;
  }

  /** Whether a request with this id waits for its answer. */
  isAnswering(id: RequestId): boolean {
    return this.#unanswered.has(id);
  }

  /** Answers a POST: with the stream that its requests are answered on, or with what is wrong with it. */
  async post(request: FastifyRequest, post: ChannelPost): Promise<Response> {
    const { requests, batched, authInfo } = post;
    for (const { id } of requests) {
      // The answer goes to the newest copy: whoever still waits on an older connection is not kept waiting there.
      const older = this.#unanswered.get(id);
      if (older !== undefined) {
        this.#transport.closeSSEStream(id);
        this.#abandon.get(older)?.();
      }
      this.#posts.set(id, post);
      this.#unanswered.set(id, post);
    }
    const answering = this.#transport.handleRequest(toWebRequest(request), {
      parsedBody: batched ? requests : requests[0],
      ...(authInfo !== undefined && { authInfo }),
    });
    const response = await (this.#options.jsonResponse ? Promise.race([answering, this.#abandoned(post)]) : answering);
    if (!response.ok) this.#forget(post);
    return response;
  }

  /** What the SDK did not take. */
  #forget(post: ChannelPost): void {
    for (const { id } of post.requests) {
      if (this.#posts.get(id) !== post) continue;
      this.#posts.delete(id);
      this.#unanswered.delete(id);
    }
  }

  /** Resolves when a POST was sent again: the SDK would leave who waits for JSON without an answer. */
  #abandoned(post: ChannelPost): Promise<Response> {
    return new Promise((resolve) => {
      this.#abandon.set(post, () => {
        const error = new AsyncMcpError('ERR_UNAVAILABLE', 'The request was sent again, and is answered there.');
        resolve(Response.json(errorResponse(undefined, JsonRpcErrorCode.internalError, error), { status: 409 }));
      });
    });
  }

  /** Answers a GET: with the stream of what the session says by itself, or with one that goes on after `Last-Event-ID`. */
  async get(request: FastifyRequest): Promise<Response> {
    const ended = await this.#restOfEndedStream(request.headers['last-event-id']);
    return ended ?? this.#transport.handleRequest(toWebRequest(request));
  }

  /**
   * What a client has missed of a stream that has ended, and its end. The SDK would hold the connection open, though nothing more can
   * come over it, and the session would never be idle.
   */
  async #restOfEndedStream(lastEventId: string | string[] | undefined): Promise<Response | undefined> {
    if (this.#events === undefined || typeof lastEventId !== 'string' || lastEventId === '') return undefined;
    let found: StreamEvents | undefined;
    try {
      found = await this.#events.eventsAfter(lastEventId);
    } catch {
      const error = new AsyncMcpError('ERR_UNAVAILABLE', 'What was missed could not be looked up; try again.');
      const body = errorResponse(undefined, JsonRpcErrorCode.internalError, error);
      return Response.json(body, { status: 503, headers: { 'retry-after': '1' } });
    }
    const last = found?.events.at(-1)?.[1];
    // A stream ends with its answer; that of a batch with the last of them.
    const isEnded = last !== undefined && isResponse(last) && ![...this.#unanswered.values()].some(isBatch);
    if (found === undefined || !isEnded) return undefined;
    const text = found.events.map(([id, message]) => `event: message\nid: ${id}\ndata: ${JSON.stringify(message)}\n\n`);
    const headers = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-transform' };
    return new Response(text.join(''), { headers: { ...headers, 'mcp-session-id': this.sessionId } });
  }

  /** A client listens. Call the result when it no longer does. */
  listen(): () => void {
    this.#listening++;
    return () => {
      this.#listening--;
      this.#look();
    };
  }

  /** Something of the session is under way, and may still be said over its connections: until {@link end} is called as often. */
  begin(): void {
    this.#underWay++;
    this.#freed = false;
  }

  end(): void {
    this.#underWay--;
    this.#look();
  }

  /**
   * Sends a message of the server's: an answer where its request came from, what belongs to a request there, too, anything else
   * where the client listens. What comes of a request after its answer is left out: its connection is closed, and nobody waits for it.
   *
   * @throws AsyncMcpError `ERR_DESTINATION_GONE` for an answer whose connection is closed and for a question that nobody listens to,
   *   where no event store keeps it
   */
  async send(message: JSONRPCMessage, relatedRequestId?: RequestId): Promise<void> {
    if (isNotification(message) && relatedRequestId !== undefined && !this.#unanswered.has(relatedRequestId)) {
      const { sessionId } = this;
      this.#options.logger.debug({ sessionId, method: message.method }, 'a notification came after its answer');
      return;
    }
    const unheard = isRequest(message) && relatedRequestId === undefined && !this.isListening;
    if (unheard && this.#options.eventStore === undefined) throw this.#gone();
    const answered = isResponse(message) ? message.id : undefined;
    const post = answered === undefined ? undefined : this.#unanswered.get(answered);
    if (answered !== undefined) this.#answering.add(answered);
    try {
      await this.#transport.send(message, relatedRequestId === undefined ? undefined : { relatedRequestId });
    } catch (error) {
      throw this.#gone(error);
    } finally {
      if (answered !== undefined) {
        this.#answering.delete(answered);
        this.#unanswered.delete(answered);
      }
    }
    // The SDK takes JSON, and all answers of a batch but the last, whether or not anybody is there.
    if (post?.raw.destroyed === true && !this.#keepsAnswers) throw this.#gone();
  }

  /** Whether a client can come back for an answer. */
  get #keepsAnswers(): boolean {
    return this.#events !== undefined && !this.#options.jsonResponse;
  }

  /** Nothing more comes of a request. If it was not answered, because it was cancelled, its connection is not kept waiting. */
  async finish(id: RequestId): Promise<void> {
    const post = this.#unanswered.get(id);
    if (post === undefined || this.#answering.has(id)) return;
    this.#unanswered.delete(id);
    const { jsonResponse, logger } = this.#options;
    // Where no event can be resumed, an end without an answer is an end; the specification wants no answer to what was cancelled.
    // Others of its batch wait on the same connection, which the SDK ends when each has an answer.
    if (!isBatch(post) && !jsonResponse && !this.#keepsAnswers) this.#transport.closeSSEStream(id);
    // To a stream that was ended this is not sent: the SDK only forgets its request then.
    const error = new AsyncMcpError('ERR_CLOSED', 'The request was cancelled.');
    try {
      await this.#transport.send(errorResponse(id, JsonRpcErrorCode.internalError, error));
    } catch (gone) {
      logger.debug({ err: gone, sessionId: this.sessionId }, 'the connection of a cancelled request is closed already');
    }
  }

  /** The session's live server was freed, or the session ended: when nothing is under way any more, its connections are closed. */
  free(): void {
    this.#freed = true;
    this.#look();
  }

  /** Closes all connections. */
  async close(): Promise<void> {
    this.#onOver = undefined;
    await this.#transport.close();
  }

  #gone(cause?: unknown): AsyncMcpError {
    const { sessionId } = this;
    const text = `Session ${sessionId} has no connection for a message, which is lost; an eventStore would keep it.`;
    return new AsyncMcpError('ERR_DESTINATION_GONE', text, { cause, details: { sessionId } });
  }

  #look(): void {
    if (this.#freed && this.#underWay === 0) this.#onOver?.();
  }

  #handOn(message: JSONRPCMessage, extra: MessageExtraInfo): void {
    if (!isRequest(message)) return;
    const post = this.#posts.get(message.id);
    this.#posts.delete(message.id);
    post?.onRequest(message, extra);
  }

  /** The SDK's transport serves a session once it has seen an `initialize`; here the host answers that, and sessions outlive processes. */
  async #prime(): Promise<void> {
    const headers = { accept: ACCEPT_BOTH, 'content-type': 'application/json' };
    const request = new Request('http://localhost/', { method: 'POST', headers });
    const answering = this.#transport.handleRequest(request, { parsedBody: PRIMER });
    if (this.#options.jsonResponse) await this.#transport.send({ jsonrpc: '2.0', id: PRIMER.id, result: {} });
    const { body, ok } = await answering;
    await body?.cancel();
    if (!ok) throw new AsyncMcpError('ERR_INTERNAL', 'The HTTP transport of the MCP SDK did not take a session up.');
  }
}
