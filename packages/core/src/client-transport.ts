import { randomUUID } from 'node:crypto';
import { AnswerAddresses } from './answer-addresses.js';
import { DuplicateWindow } from './duplicate-window.js';
import { createEnvelope, createMetadata } from './envelope.js';
import { AsyncMcpError, toAsyncMcpError } from './errors.js';
import {
  errorCodeOf,
  isErrorResponse,
  isForEverybody,
  isNotification,
  isRequest,
  isRequestId,
  isResponse,
  parsedMessage,
} from './jsonrpc.js';
import { silentLogger } from './logger.js';
import { TransientMap } from './transient-map.js';
import type { Transport, TransportSendOptions } from '@modelcontextprotocol/sdk/shared/transport.js';
import type {
  JSONRPCErrorResponse,
  JSONRPCMessage,
  JSONRPCResultResponse,
  MessageExtraInfo,
  RequestId,
} from '@modelcontextprotocol/sdk/types.js';
import type { ClientWire } from './client-wire.js';
import type { Delivery } from './delivery.js';
import type { Envelope, InboundEnvelope } from './envelope.js';
import type { Logger } from './logger.js';

/** Options of {@link ClientTransport}. */
export interface ClientTransportOptions {
  /** The way out and the way in. */
  readonly wire: ClientWire;
  /** Names this client to servers. Default: a new UUID. */
  readonly clientId?: string | undefined;
  /** pino-compatible. Default: silent. */
  readonly logger?: Logger | undefined;
}

/** What a client transport left out, and why. Grows only. */
export interface ClientTransportCounters {
  /** Messages that came a second time, or answered a call that was answered or given up already. */
  duplicates: number;
  /** Messages that were not a JSON-RPC message MCP allows. */
  invalid: number;
  /** Messages for another client or session, e.g. of a process that used the same reply address before. */
  foreign: number;
}

/** Bounds of what is remembered of messages that were received. */
const RECEIVED_WINDOW = { maxEntries: 10_000, ttlMs: 20 * 60_000 };

/**
 * The client side of every transport: a drop-in `Transport` for the SDK's `Client`. Each response reaches the SDK once,
 * however often the wire delivers it.
 */
export class ClientTransport implements Transport {
  /** Called once when the transport is closed, whoever closed it. The SDK's client sets it. */
  onclose?: (() => void) | undefined;
  /** Told of every failure that ends no call by itself. The SDK's client sets it: set the client's `onerror`. */
  onerror?: ((error: Error) => void) | undefined;
  /** Takes what comes in. The SDK's client sets it. */
  onmessage?: (<T extends JSONRPCMessage>(message: T, extra?: MessageExtraInfo) => void) | undefined;
  /** Undefined until the server has answered `initialize`: the SDK takes a session id for a sign that it need not initialize. */
  sessionId: string | undefined;
  /** What this client is called by servers. */
  readonly clientId: string;
  /** What was left out, and why. */
  readonly counters: ClientTransportCounters = { duplicates: 0, invalid: 0, foreign: 0 };
  readonly #wire: ClientWire;
  readonly #logger: Logger;
  /** Their methods, by id. */
  readonly #openRequests = new TransientMap<RequestId, string>();
  readonly #answerAddresses: AnswerAddresses;
  readonly #received = new DuplicateWindow<true>(RECEIVED_WINDOW);
  #initialize: { readonly wireId: string; readonly originalId: RequestId } | undefined;
  #protocolVersion: string | undefined;
  #replyTo: string | undefined;
  /** Whether its user has heard that the session is lost. */
  #lossReported = false;
  #state: 'new' | 'starting' | 'started' | 'closed' = 'new';
  #closed: Promise<void> | undefined;

  /** Opens nothing before {@link start}. */
  constructor({ wire, clientId = randomUUID(), logger = silentLogger }: ClientTransportOptions) {
    this.clientId = clientId;
    this.#wire = wire;
    this.#logger = logger;
    this.#answerAddresses = new AnswerAddresses(
      (address) => wire.allowsAddress(address),
      (error) => this.#report(error),
    );
  }

  /** The protocol version negotiated with the server, once it is. */
  get protocolVersion(): string | undefined {
    return this.#protocolVersion;
  }

  /**
   * Opens the reply channel. The SDK's `Client.connect` calls it.
   *
   * @throws AsyncMcpError `ERR_ALREADY_STARTED`, `ERR_CLOSED`, or what opening the channel failed with
   */
  async start(): Promise<void> {
    if (this.#state === 'closed') throw closedError();
    if (this.#state !== 'new')
      throw new AsyncMcpError(
        'ERR_ALREADY_STARTED',
        'This transport was started already; make a new one for a new connection.',
      );
    this.#state = 'starting';
    this.#replyTo = await this.#wire.open({
      accepts: (envelope) => this.#accepts(envelope),
      receive: (delivery) => this.#receive(delivery),
      discarded: (envelope) => this.#discard(envelope),
      repeated: () => void this.counters.duplicates++,
      failed: (error) => this.#report(error),
      lost: (error) => void this.#lose(error),
    });
    // close() may have come while the channel was being opened.
    if (this.#closed !== undefined) throw closedError();
    this.#state = 'started';
  }

  /**
   * Sends one message. Resolves when the broker or the server has taken it.
   *
   * @throws AsyncMcpError `ERR_NOT_STARTED`, `ERR_CLOSED`, `ERR_MESSAGE_TOO_LARGE`, `ERR_DESTINATION_GONE`,
   *   `ERR_ACCESS_DENIED`, `ERR_UNAVAILABLE`; over HTTP also `ERR_SESSION_LOST` and the server's own refusals
   */
  async send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    if (this.#state === 'closed') throw closedError();
    if (this.#state !== 'started')
      throw new AsyncMcpError('ERR_NOT_STARTED', 'Call start() (or Client.connect) before send().');
    const outgoing = this.#outgoing(message);
    const envelope = createEnvelope(outgoing, {
      sessionId: this.sessionId,
      clientId: this.clientId,
      protocolVersion: this.#protocolVersion,
      relatedRequestId: options?.relatedRequestId,
      replyTo: this.#replyTo,
    });
    if (isRequest(outgoing)) this.#openRequests.set(outgoing.id, outgoing.method);
    else if (isNotification(message) && message.method === 'notifications/cancelled')
      this.#forget(message.params?.['requestId']);
    try {
      await this.#publish(message, envelope, options);
    } catch (error) {
      if (isRequest(outgoing)) this.#end(outgoing.id);
      const failure = toAsyncMcpError(error, 'ERR_UNAVAILABLE', 'The message could not be sent');
      if (failure.code === 'ERR_SESSION_LOST') this.#report(failure);
      throw failure;
    }
  }

  /** Called by the SDK's client after `initialize`. */
  setProtocolVersion(version: string): void {
    this.#protocolVersion = version;
  }

  /**
   * Asks the server to end the session; `close()` alone leaves it to be taken up again. Does nothing without a session.
   *
   * @throws AsyncMcpError as {@link send}
   */
  async terminateSession(): Promise<void> {
    if (this.#state === 'closed') throw closedError();
    const { sessionId, clientId } = this;
    if (sessionId === undefined) return;
    await this.#wire.terminate(
      createMetadata({ sessionId, clientId, protocolVersion: this.#protocolVersion, replyTo: this.#replyTo }),
    );
    this.sessionId = undefined;
  }

  /** Closes the reply channel, at once even during a long poll. Pending calls fail. Idempotent. */
  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#state = 'closed';
    try {
      await this.#wire.close();
    } finally {
      this.#openRequests.clear();
      this.onclose?.();
    }
  }

  async #lose(error: AsyncMcpError): Promise<void> {
    this.#report(error);
    try {
      await this.close();
    } catch (failure) {
      this.#report(toAsyncMcpError(failure, 'ERR_INTERNAL', 'Closing after that failed'));
    }
  }

  /**
   * `initialize` travels under an id of its own. Until it is answered there is no session to tell clients that share a reply
   * address apart, and every client's first id is 0.
   */
  #outgoing(message: JSONRPCMessage): JSONRPCMessage {
    if (!isRequest(message) || message.method !== 'initialize' || this.#replyTo === undefined) return message;
    this.#initialize = { wireId: randomUUID(), originalId: message.id };
    const params = this.#wire.withReplyAddress(message.params ?? {}, this.#replyTo);
    return { ...message, id: this.#initialize.wireId, params };
  }

  #publish(message: JSONRPCMessage, envelope: Envelope, options: TransportSendOptions | undefined): Promise<void> {
    if (isResponse(message) && message.id !== undefined) {
      const address = this.#answerAddresses.take(message.id);
      if (address !== undefined) return this.#wire.publishTo(address, envelope);
    }
    return this.#wire.publish(envelope, options);
  }

  /** Whether a message on a shared channel is this client's. Before there is a session, the open request tells. */
  #accepts(envelope: InboundEnvelope): boolean {
    if (this.#state === 'closed' || this.#isForeign(envelope)) return false;
    if (envelope.broadcast === true) return true;
    if (envelope.clientId !== undefined || (envelope.sessionId !== undefined && this.sessionId !== undefined))
      return true;
    const parsed = parsedMessage(envelope);
    if (!parsed.ok || !isResponse(parsed.message) || parsed.message.id === undefined) return false;
    return this.#openRequests.has(parsed.message.id);
  }

  async #receive(delivery: Delivery): Promise<void> {
    try {
      this.#take(delivery.envelope);
    } catch (error) {
      this.#report(toAsyncMcpError(error, 'ERR_INTERNAL', 'A received message could not be handled'));
    }
    await delivery.ack();
  }

  #discard({ messageId }: InboundEnvelope): void {
    this.counters.foreign++;
    this.#logger.debug({ messageId }, 'dropped a message for another client or session');
  }

  #take(envelope: InboundEnvelope): void {
    if (this.#isForeign(envelope)) return this.#discard(envelope);
    const parsed = parsedMessage(envelope);
    if (!parsed.ok) {
      this.counters.invalid++;
      throw new AsyncMcpError(
        'ERR_MESSAGE_INVALID',
        `Received message ${envelope.messageId} refused: ${parsed.reason}.`,
      );
    }
    const { message } = parsed;
    if (envelope.broadcast === true && !this.#concerns(message)) return;
    if (isResponse(message)) return this.#takeResponse(message, envelope);
    if (this.#received.has(envelope.messageId)) {
      this.counters.duplicates++;
      return;
    }
    this.#received.add(envelope.messageId, true);
    const related = envelope.relatedRequestId;
    // Standard queues reorder: progress that comes after its response is of no use, and an error to the SDK.
    const late = related !== undefined && !this.#openRequests.has(related);
    if (late && isNotification(message) && message.method === 'notifications/progress') return;
    if (isRequest(message)) {
      if (envelope.replyTo !== undefined) this.#answerAddresses.remember(message.id, envelope.replyTo);
    } else if (isNotification(message) && message.method === 'notifications/cancelled') {
      const id = message.params?.['requestId'];
      if (isRequestId(id)) this.#answerAddresses.forget(id);
    }
    this.onmessage?.(message);
  }

  /** What is for everybody is a notification, of no particular request, and means nothing before there is a session. */
  #concerns(message: JSONRPCMessage): boolean {
    if (this.sessionId === undefined) return false;
    const general = isForEverybody(message);
    if (!general) this.counters.invalid++;
    return general;
  }

  /**
   * Request ids are no proof of whose a response is: every client counts them from 0. Servers of this project echo the
   * client id, so one of theirs without it answers somebody who gave none, and is not for us; others name the session.
   */
  #isForeign({ clientId, sessionId, extended, broadcast }: InboundEnvelope): boolean {
    if (broadcast === true) return false;
    if (clientId !== undefined) {
      return clientId !== this.clientId || (sessionId !== undefined && this.#isOtherSession(sessionId));
    }
    return extended || (this.sessionId !== undefined && (sessionId === undefined || this.#isOtherSession(sessionId)));
  }

  #isOtherSession(sessionId: string): boolean {
    return this.sessionId !== undefined && sessionId !== this.sessionId;
  }

  #takeResponse(message: JSONRPCResultResponse | JSONRPCErrorResponse, envelope: InboundEnvelope): void {
    if (message.id === undefined) {
      const text = isErrorResponse(message) ? message.error.message : 'a response without an id';
      throw new AsyncMcpError('ERR_MESSAGE_INVALID', `The server refused a message of ours: ${text}`);
    }
    const method = this.#openRequests.get(message.id);
    if (method === undefined) {
      this.counters.duplicates++;
      this.#logger.debug({ id: message.id, messageId: envelope.messageId }, 'dropped a response nobody waits for');
      return;
    }
    this.#end(message.id);
    if (isErrorResponse(message)) this.#noteLostSession(message);
    else if (method === 'initialize') this.#noteInitialized(message, envelope);
    const { wireId, originalId } = this.#initialize ?? {};
    this.onmessage?.(message.id === wireId && originalId !== undefined ? { ...message, id: originalId } : message);
  }

  #noteInitialized(message: JSONRPCResultResponse, envelope: InboundEnvelope): void {
    this.sessionId = envelope.sessionId;
    const version = message.result['protocolVersion'];
    if (typeof version === 'string') this.#protocolVersion = version;
  }

  #noteLostSession(message: JSONRPCErrorResponse): void {
    if (errorCodeOf(message) !== 'ERR_SESSION_NOT_FOUND' || this.sessionId === undefined) return;
    this.#report(
      new AsyncMcpError(
        'ERR_SESSION_LOST',
        `The server no longer knows session ${this.sessionId}; connect again with a new transport.`,
        {
          details: { sessionId: this.sessionId },
        },
      ),
    );
  }

  /** The SDK gave a request up, under the id it knows. */
  #forget(id: unknown): void {
    const { wireId, originalId } = this.#initialize ?? {};
    if (wireId !== undefined && id === originalId && this.sessionId === undefined) this.#end(wireId);
    else if (isRequestId(id)) this.#end(id);
  }

  /** A request is answered, given up, or was not sent. */
  #end(id: RequestId): void {
    if (this.#openRequests.delete(id)) this.#wire.answered?.(id);
  }

  /** Whatever the user's logger or callback does, it must not stop what was being done. */
  #report(error: AsyncMcpError): void {
    // A transport has one session, which is lost once, however many calls hear of it.
    if (error.code === 'ERR_SESSION_LOST') {
      if (this.#lossReported) return;
      this.#lossReported = true;
    }
    try {
      this.#logger.warn({ err: error }, error.message);
      this.onerror?.(error);
    } catch (thrown) {
      process.emitWarning(toAsyncMcpError(thrown, 'ERR_INTERNAL', 'The logger or onerror of an asyncmcp client threw'));
    }
  }
}

function closedError(): AsyncMcpError {
  return new AsyncMcpError('ERR_CLOSED', 'This transport is closed; make a new one.');
}
