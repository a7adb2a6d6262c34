import { CallClaims } from './call-claims.js';
import { CallRunner } from './call-runner.js';
import { createEnvelope } from './envelope.js';
import { AsyncMcpError, toAsyncMcpError } from './errors.js';
import { FlightLedger } from './flight.js';
import { InboundRouter } from './inbound-router.js';
import { isRequest, isResponse } from './jsonrpc.js';
import { Responder } from './responder.js';
import { backoffDelay } from './retry.js';
import { SessionRegistry } from './session-registry.js';
import type { TransportSendOptions } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage, MessageExtraInfo } from '@modelcontextprotocol/sdk/types.js';
import type { CallStore } from './call-store.js';
import type { Delivery } from './delivery.js';
import type { InboundEnvelope, Sender } from './envelope.js';
import type { Flight } from './flight.js';
import type { Logger } from './logger.js';
import type { ReplyPort } from './reply-port.js';
import type { CreateServer, Session } from './session.js';
import type { SessionSummary, Sessions } from './session-registry.js';
import type { SessionRecord, SessionStore } from './session-store.js';

/** All members are required: the defaults are a transport's affair, so that they are written down once (see host-options.ts). */
export interface SessionHostOptions {
  /** Makes the MCP server object of one session. */
  readonly createServer: CreateServer;
  /** The way replies leave. */
  readonly replyPort: ReplyPort;
  /** Where session records live. */
  readonly store: SessionStore;
  /** Where processes agree on which of them runs a call; undefined: each knows its own. */
  readonly callStore?: CallStore | undefined;
  /** For how long a claim in the call store lasts without being renewed, in milliseconds. */
  readonly callLeaseMs: number;
  /** Most sessions live in this process at once. */
  readonly maxSessions: number;
  /** After this long without a message a session's live server is freed, in milliseconds. */
  readonly sessionIdleTimeoutMs: number;
  /** After this long without a message a session ends, in milliseconds. */
  readonly sessionTtlMs: number;
  /** Most calls that run at once. */
  readonly concurrency: number;
  /** A call begun more often than this without being completed is answered with an error. */
  readonly maxAttempts: number;
  /** How long closing lets running calls finish, in milliseconds. */
  readonly drainTimeoutMs: number;
  /** pino-compatible. */
  readonly logger: Logger;
  /** Told of every failure that a user should know of. */
  readonly onerror: (error: AsyncMcpError) => void;
  /** Where clients answer this process's own requests (sampling …); undefined: where they send everything. */
  readonly answerAddress?: string | undefined;
  /** The session of a message that names none, e.g. the latest one of its client; undefined: it needs to name it. */
  readonly sessionOf?: ((sender: Sender) => string | undefined) | undefined;
  /**
   * Told that a session's live server was freed, or the session ended; calls that were under way may still be answered.
   * Default: nobody is.
   */
  readonly onFreed?: ((sessionId: string) => void) | undefined;
  /** Whether a client holds a connection open to hear what its session says by itself: then it is not idle. Default: none does. */
  readonly isListening?: ((sessionId: string) => boolean) | undefined;
}

/**
 * The server side of every transport: takes deliveries from a source, routes each to its session (made, found or taken
 * up from its record), and sends what the user's servers say through a {@link ReplyPort}. Settles every delivery, and a
 * request's only after its answer was handed over.
 */
export class SessionHost implements Sessions {
  readonly #options: SessionHostOptions;
  readonly #registry: SessionRegistry;
  readonly #ledger: FlightLedger;
  readonly #calls: CallRunner;
  readonly #claims: CallClaims | undefined;
  readonly #router: InboundRouter;
  #closing: Promise<void> | undefined;
  #onProgress: (() => void) | undefined;

  /** Does nothing before {@link start}. */
  constructor(options: SessionHostOptions) {
    const { store, callStore, callLeaseMs, createServer, logger, maxSessions, concurrency } = options;
    const report = (error: AsyncMcpError): void => this.#report(error);
    this.#options = options;
    this.#registry = new SessionRegistry({
      store,
      createServer,
      logger,
      maxSessions,
      idleTimeoutMs: options.sessionIdleTimeoutMs,
      ttlMs: options.sessionTtlMs,
      owner: {
        onServerMessage: (session, message, sendOptions) => {
          session.lastActiveAt = Date.now();
          if (isResponse(message)) return this.#calls.respond(session, message);
          return this.#fromServer(session, message, sendOptions);
        },
        onServerClosed: (session) => void this.#endQuietly(session),
        onFreed: (session) => options.onFreed?.(session.id),
        isListening: (session) => options.isListening?.(session.id) ?? false,
      },
    });
    this.#ledger = new FlightLedger(() => this.#onProgress?.());
    const responder = new Responder(options.replyPort, this.#ledger, report);
    this.#claims =
      callStore === undefined ? undefined : new CallClaims({ store: callStore, leaseMs: callLeaseMs, report });
    this.#calls = new CallRunner({
      concurrency,
      responder,
      ledger: this.#ledger,
      commit: (session, protocolVersion) =>
        this.#registry.commit(session, protocolVersion === undefined ? {} : { protocolVersion }),
      discard: (session) => this.#registry.release(session),
      report,
    });
    this.#router = new InboundRouter({
      ...options,
      registry: this.#registry,
      ledger: this.#ledger,
      responder,
      calls: this.#calls,
      claims: this.#claims,
      report,
      failed: (flight, error) => this.#failed(flight, error),
      terminate: (id) => this.terminate(id),
    });
  }

  /** Begins to look for idle sessions. Deliveries may come from then on. */
  start(): void {
    this.#registry.start();
    this.#claims?.start();
  }

  list(): SessionSummary[] {
    return this.#registry.list();
  }

  async terminate(id: string): Promise<boolean> {
    const session = this.#registry.liveOf(id);
    try {
      return await this.#registry.remove(id);
    } finally {
      if (session !== undefined) await this.#calls.failAll(session);
    }
  }

  /** Whether this very process handles a message, or did recently: a copy of it would run nothing. */
  knows(envelope: InboundEnvelope): boolean {
    return this.#ledger.knows(envelope);
  }

  /**
   * The record of a session, live here or in the store. It holds what `initialize` said.
   *
   * @throws AsyncMcpError `ERR_SESSION_STORE`
   */
  record(id: string): Promise<SessionRecord | undefined> {
    return this.#registry.recordOf(id);
  }

  /** The record of a session of this sender that is live here and was confirmed of late; undefined: {@link takeUp} knows. */
  liveRecord(id: string, sender: Sender): SessionRecord | undefined {
    return this.#registry.findAtOnce(id, sender)?.record;
  }

  /**
   * Makes sure that a session is live here, taken up from its record if need be. Resolves with undefined when there is none, or
   * when it belongs to another sender.
   *
   * @throws AsyncMcpError `ERR_SESSION_STORE`, `ERR_SESSION_LIMIT`, `ERR_CREATE_SERVER`, `ERR_CLOSED`
   */
  async takeUp(id: string, sender: Sender): Promise<SessionRecord | undefined> {
    if (this.#closing !== undefined) throw new AsyncMcpError('ERR_CLOSED', 'The server is closed.');
    return (await this.#registry.find(id, sender))?.record;
  }

  /**
   * Asks the server object of a live session something, as its client would; the client hears nothing of it. Resolves with undefined
   * when the session is not live here.
   *
   * @param extra - what the server is told of the way the question came
   *
   * @throws AsyncMcpError `ERR_UNAVAILABLE` when it does not answer
   */
  async ask(
    id: string,
    method: string,
    params: Record<string, unknown>,
    extra?: MessageExtraInfo,
  ): Promise<JSONRPCMessage | undefined> {
    const session = this.#registry.liveOf(id);
    return session === undefined ? undefined : this.#registry.ask(session, { method, params, extra });
  }

  /**
   * Takes a delivery. Resolves when it no longer takes up room: it is settled, or its call waits for the client. Never
   * rejects: what fails is given back, answered with an error or dead-lettered.
   */
  receive(delivery: Delivery): Promise<void> {
    if (this.#closing !== undefined) return delivery.retry();
    const flight = this.#ledger.flightOf(delivery);
    if (!flight.isOf(delivery)) return flight.absorb(delivery);
    const failed = (error: unknown): Promise<void> => this.#failed(flight, error);
    try {
      return this.#router.handle(flight).catch(failed);
    } catch (error) {
      return failed(error);
    }
  }

  /** What could not be handled comes again, unless its sender is told at last. */
  async #failed(flight: Flight, error: unknown): Promise<void> {
    let failure = toAsyncMcpError(error, 'ERR_INTERNAL', `Message ${flight.envelope.messageId} could not be handled`);
    try {
      if (await this.#router.refuseAtLast(flight, failure)) return;
    } catch (thrown) {
      failure = toAsyncMcpError(thrown, 'ERR_INTERNAL', `The sender of ${flight.envelope.messageId} could not be told`);
    }
    if (this.#closing !== undefined) return flight.retry();
    this.#report(failure);
    await flight.retry(backoffDelay(flight.attempt, { baseMs: 2000, maxMs: 60_000 }));
  }

  /**
   * Takes no more work, lets running calls finish for up to `drainTimeoutMs`, gives the rest back, frees the servers.
   * The source must keep its leases until this has resolved, and hand out nothing more: it would have it back at once. Idempotent.
   */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#claims?.stopWaiting();
    const unbegun = this.#registry.live.map((session) => this.#calls.giveBack(session, (call) => !call.started));
    // Whatever becomes of these, the others have their time.
    const givenBack = Promise.allSettled(unbegun);
    await this.#drained();
    this.#claims?.hurry();
    await givenBack;
    try {
      await Promise.all(unbegun);
      await Promise.all(this.#registry.live.map((session) => this.#calls.giveBack(session, () => true)));
      await Promise.all(this.#ledger.inFlight.map((flight) => flight.retry()));
    } finally {
      await this.#claims?.close();
      await this.#registry.close();
    }
  }

  /** Resolves when nothing runs, when all that runs waits for clients (whose answers no longer come in), or when time is up. */
  async #drained(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#onProgress = () => {
        const parked = this.#registry.live.reduce((sum, session) => sum + this.#calls.parked(session), 0);
        if (this.#ledger.size <= parked) resolve();
      };
      timer = setTimeout(resolve, this.#options.drainTimeoutMs);
      this.#onProgress();
    });
    clearTimeout(timer);
    this.#onProgress = undefined;
  }

  async #fromServer(
    session: Session,
    message: JSONRPCMessage,
    options: TransportSendOptions | undefined,
  ): Promise<void> {
    const related = options?.relatedRequestId;
    const isQuestion = isRequest(message);
    const resume = isQuestion ? this.#calls.park(session, related) : this.#calls.parkIfSlow(session, related);
    if (isQuestion) this.#onProgress?.();
    const outgoing = session.serverRequests.outgoing(message, resume);
    const { record } = session;
    const envelope = createEnvelope(outgoing, {
      sessionId: record.id,
      clientId: record.clientId,
      relatedRequestId: related,
      via: related === undefined ? undefined : session.calls.get(related)?.flight.envelope.via,
      replyTo: isQuestion ? this.#options.answerAddress : undefined,
    });
    try {
      await this.#options.replyPort.send(record.replyTo, envelope, record);
    } catch (error) {
      if (isQuestion) session.serverRequests.abandon(message.id);
      throw error;
    } finally {
      if (!isQuestion) resume();
    }
  }

  async #endQuietly(session: Session): Promise<void> {
    try {
      await this.terminate(session.id);
    } catch (error) {
      this.#report(toAsyncMcpError(error, 'ERR_SESSION_STORE', `Session ${session.id} could not be ended`));
    }
  }

  /** Whatever the user's logger or callback does, it must not stop what was being done. */
  #report(error: AsyncMcpError): void {
    try {
      this.#options.logger.error({ err: error }, error.message);
      this.#options.onerror(error);
    } catch (thrown) {
      process.emitWarning(toAsyncMcpError(thrown, 'ERR_INTERNAL', 'The logger or onerror of an asyncmcp server threw'));
    }
  }
}
