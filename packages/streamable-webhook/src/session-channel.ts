import {
  AsyncMcpError,
  JsonRpcErrorCode,
  TransientMap,
  errorResponse,
  isNotification,
  isRequest,
  isResponse,
} from '@asyncmcp/core';
import { eventsOfSession } from './event-store.js';
import { restOfEndedStream } from './ended-stream.js';
import { drainedOrClosed, toWebRequest } from './http-bridge.js';
import { openSdkTransport } from './sdk-transport.js';
import type { ServerResponse } from 'node:http';
import type { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import type { JSONRPCMessage, JSONRPCRequest, MessageExtraInfo, RequestId } from '@modelcontextprotocol/sdk/types.js';
import type { InboundEnvelope, Logger } from '@asyncmcp/core';
import type { FastifyRequest } from 'fastify';
import type { EventStore, SessionEvents } from './event-store.js';

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
  /** What is known of it beside its requests. */
  readonly metadata: InboundEnvelope;
  readonly requests: readonly JSONRPCRequest[];
  /** Whether they came in a JSON-RPC batch: then they are answered on one connection. */
  readonly batched: boolean;
  readonly authInfo: AuthInfo | undefined;
  /** Where its answer goes. */
  readonly raw: ServerResponse;
  /** Called for each of them, once what it comes to has somewhere to go. */
  readonly onRequest: (request: JSONRPCRequest, extra: MessageExtraInfo) => void;
}

/** A request that waits for its answer. */
interface Waiting {
  /** What it came in. */
  readonly post: ChannelPost;
  /** Whether the SDK has handed it on. */
  handedOn: boolean;
  /** Whether it has begun: see {@link SessionChannel.hasBegun}. */
  begun: boolean;
  /** Whether its answer is on its way to the connection, or into the event store. */
  answering: boolean;
}

function isBatch({ requests }: ChannelPost): boolean {
  return requests.length > 1;
}

/** How long a client may read nothing of what is sent to it, in milliseconds. */
const STALLED_MS = 60_000;

const NONE: readonly ServerResponse[] = [];

function isFull({ writableNeedDrain, destroyed }: ServerResponse): boolean {
  return writableNeedDrain && !destroyed;
}

/** Resolves when a connection takes more, or is closed: it is, when that takes too long. */
async function roomOn(connection: ServerResponse): Promise<void> {
  const timer = setTimeout(() => connection.destroy(), STALLED_MS);
  try {
    await drainedOrClosed(connection);
  } finally {
    clearTimeout(timer);
  }
}

/** The connections of one session in this process: an HTTP transport of the SDK's, and what is under way over it. */
export class SessionChannel {
  readonly sessionId: string;
  readonly #options: ChannelOptions;
  readonly #events: SessionEvents | undefined;
  readonly #transport: WebStandardStreamableHTTPServerTransport;
  /** Requests whose answer was not sent yet, by id; of copies, the newest. */
  readonly #waiting = new TransientMap<RequestId, Waiting>();
  /** Those who wait until a request begins, by its id. */
  readonly #awaitingBegin = new Map<RequestId, (() => void)[]>();
  /** Lets go of who waits for JSON. */
  readonly #abandon = new WeakMap<ChannelPost, () => void>();
  #underWay = 0;
  /** The connections on which clients hear what the session says by itself. */
  readonly #listeners = new Set<ServerResponse>();
  #freed = false;
  #onOver: (() => void) | undefined;

  private constructor(
    sessionId: string,
    transport: WebStandardStreamableHTTPServerTransport,
    events: SessionEvents | undefined,
    options: ChannelOptions,
    onOver: () => void,
  ) {
    this.sessionId = sessionId;
    this.#transport = transport;
    this.#events = events;
    this.#options = options;
    this.#onOver = onOver;
    transport.onmessage = (message, extra = {}) => this.#handOn(message, extra);
    // Of what it refuses, the client is told; here it is no failure.
    transport.onerror = (error) => options.logger.debug({ err: error, sessionId }, error.message);
  }

  /**
   * A channel for a session that exists.
   *
   * @param onOver - called once, when nothing is under way and the session's live server is no more
   */
  static async open(sessionId: string, options: ChannelOptions, onOver: () => void): Promise<SessionChannel> {
    const { eventStore, report } = options;
    const events = eventStore === undefined ? undefined : eventsOfSession(eventStore, sessionId, report);
    const transport = await openSdkTransport(sessionId, events, options);
    return new SessionChannel(sessionId, transport, events, options, onOver);
  }

  /** Whether a client holds a stream open to hear what the session says by itself. */
  get isListening(): boolean {
    return this.#listeners.size > 0;
  }

  /** Whether a request with this id waits for its answer. */
  isAnswering(id: RequestId): boolean {
    return this.#waiting.has(id);
  }

  /** Whether the request under this id has not begun yet, and is the same as one of this metadata. */
  isBeginning(id: RequestId, { messageId, clientId, principal, unnamed }: InboundEnvelope): boolean {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined || waiting.begun || unnamed === true) return false;
    const first = waiting.post.metadata;
    return first.messageId === messageId && first.clientId === clientId && first.principal === principal;
  }

  /** Resolves when the request under this id has begun, or will not any more. */
  begun(id: RequestId): Promise<void> {
    return new Promise((resolve) => {
      const others = this.#awaitingBegin.get(id);
      if (others === undefined) this.#awaitingBegin.set(id, [resolve]);
      else others.push(resolve);
    });
  }

  /** A request has begun, or will not any more. */
  hasBegun(id: RequestId): void {
    const waiting = this.#waiting.get(id);
    if (waiting !== undefined) waiting.begun = true;
    const awaiting = this.#awaitingBegin.get(id);
    if (awaiting === undefined) return;
    this.#awaitingBegin.delete(id);
    for (const resolve of awaiting) resolve();
  }

  /** Answers a POST: with the stream that its requests are answered on, or with what is wrong with it. */
  async post(request: FastifyRequest, post: ChannelPost): Promise<Response> {
    const { requests, batched, authInfo } = post;
    for (const { id } of requests) {
      // The answer goes to the newest copy: whoever still waits on an older connection is not kept waiting there.
      const older = this.#waiting.get(id);
      if (older !== undefined) {
        this.#transport.closeSSEStream(id);
        this.#abandon.get(older.post)?.();
      }
      this.#waiting.set(id, { post, handedOn: false, begun: false, answering: false });
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
      const waiting = this.#waiting.get(id);
      if (waiting?.post === post && !waiting.handedOn) this.#waiting.delete(id);
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
    const lastEventId = request.headers['last-event-id'];
    if (this.#events !== undefined && typeof lastEventId === 'string' && lastEventId !== '') {
      const batchIsOpen = this.#waiting.values().some(({ post }) => isBatch(post));
      const rest = await restOfEndedStream(this.#events, lastEventId, this.sessionId, batchIsOpen);
      if (rest !== undefined) return rest;
    }
    return this.#transport.handleRequest(toWebRequest(request));
  }

  /** A client listens, on this connection. Call the result when it no longer does. */
  listen(raw: ServerResponse): () => void {
    this.#listeners.add(raw);
    return () => {
      this.#listeners.delete(raw);
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
   * Waits while the connection is full, for a minute at most; then it is cut.
   *
   * @throws AsyncMcpError `ERR_DESTINATION_GONE` for an answer whose connection is closed and for a question that nobody listens to,
   *   where no event store keeps it
   */
  async send(message: JSONRPCMessage, relatedRequestId?: RequestId): Promise<void> {
    for (const full of this.#fullConnections(message, relatedRequestId)) await roomOn(full);
    if (isResponse(message) && message.id !== undefined) return this.#answer(message, message.id);
    if (isNotification(message) && relatedRequestId !== undefined && !this.#waiting.has(relatedRequestId)) {
      const { sessionId } = this;
      this.#options.logger.debug({ sessionId, method: message.method }, 'a notification came after its answer');
      return;
    }
    const unheard = isRequest(message) && relatedRequestId === undefined && !this.isListening;
    if (unheard && this.#options.eventStore === undefined) throw this.#gone();
    await this.#hand(message, relatedRequestId === undefined ? undefined : { relatedRequestId });
  }

  /** Those that a message would go over, and whose clients do not read as fast as is written. */
  #fullConnections(message: JSONRPCMessage, relatedRequestId: RequestId | undefined): readonly ServerResponse[] {
    const id = isResponse(message) ? message.id : relatedRequestId;
    const connection = id === undefined ? undefined : this.#waiting.get(id)?.post.raw;
    if (connection !== undefined) return isFull(connection) ? [connection] : NONE;
    return id === undefined && this.isListening ? [...this.#listeners].filter(isFull) : NONE;
  }

  async #answer(message: JSONRPCMessage, id: RequestId): Promise<void> {
    const waiting = this.#waiting.get(id);
    if (waiting !== undefined) waiting.answering = true;
    try {
      await this.#hand(message);
    } finally {
      if (this.#waiting.get(id) === waiting) this.#waiting.delete(id);
    }
    // A copy of the request came while an event store took the answer: who waits there has none yet.
    if (this.#waiting.has(id)) return this.#answer(message, id);
    // The SDK takes JSON, and all answers of a batch but the last, whether or not anybody is there.
    if (waiting?.post.raw.destroyed === true && !this.#keepsAnswers) throw this.#gone();
  }

  async #hand(message: JSONRPCMessage, options?: { relatedRequestId: RequestId }): Promise<void> {
    try {
      await this.#transport.send(message, options);
    } catch (error) {
      throw this.#gone(error);
    }
  }

  /** Whether a client can come back for an answer. */
  get #keepsAnswers(): boolean {
    return this.#events !== undefined && !this.#options.jsonResponse;
  }

  /** Nothing more comes of a request. If it was not answered, because it was cancelled, its connection is not kept waiting. */
  async finish(id: RequestId): Promise<void> {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined || waiting.answering) return;
    this.#waiting.delete(id);
    const { jsonResponse, logger } = this.#options;
    // Where no event can be resumed, an end without an answer is an end; the specification wants no answer to what was cancelled.
    // Others of its batch wait on the same connection, which the SDK ends when each has an answer.
    if (!isBatch(waiting.post) && !jsonResponse && !this.#keepsAnswers) this.#transport.closeSSEStream(id);
    // To a stream that was ended this is not sent: the SDK only forgets its request then.
    const error = new AsyncMcpError('ERR_CLOSED', 'The request was cancelled.');
    try {
      await this.#transport.send(errorResponse(id, JsonRpcErrorCode.internalError, error));
    } catch (gone) {
      logger.debug({ err: gone, sessionId: this.sessionId }, 'the connection of a cancelled request is closed already');
    }
  }

  /** Breaks the connection of a request off, as if this process had been killed: its client takes it up elsewhere. */
  cut(id: RequestId): void {
    this.#waiting.get(id)?.post.raw.destroy();
  }

  /** The session's live server was freed, or the session ended: when nothing is under way any more, its connections are closed. */
  free(): void {
    this.#freed = true;
    this.#look();
  }

  /** Closes all connections. What has not begun never will. */
  async close(): Promise<void> {
    this.#onOver = undefined;
    for (const id of this.#awaitingBegin.keys()) this.hasBegun(id);
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
    const waiting = this.#waiting.get(message.id);
    if (waiting === undefined || waiting.handedOn) return;
    waiting.handedOn = true;
    waiting.post.onRequest(message, extra);
  }
}
