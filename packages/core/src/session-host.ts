import { CallRunner } from './call-runner.js';
import { createEnvelope } from './envelope.js';
import { isAsyncMcpError, toAsyncMcpError } from './errors.js';
import { FlightLedger } from './flight.js';
import { JsonRpcErrorCode, isNotification, isRequest, isRequestId, isResponse, parseMessage } from './jsonrpc.js';
import { SUPPORTED_PROTOCOL_VERSIONS } from './protocol-versions.js';
import {
  malformed,
  poisoned,
  replyAddressRefused,
  sessionNotWanted,
  sessionRequired,
  unknownSession,
  unsupportedVersion,
  withoutReplyAddress,
} from './refusals.js';
import { Responder, sessionTarget } from './responder.js';
import { backoffDelay } from './retry.js';
import { SessionRegistry } from './session-registry.js';
import type { TransportSendOptions } from '@modelcontextprotocol/sdk/shared/transport.js';
import type {
  InitializeRequest,
  JSONRPCMessage,
  JSONRPCNotification,
  JSONRPCRequest,
  RequestId,
} from '@modelcontextprotocol/sdk/types.js';
import type { Delivery } from './delivery.js';
import type { InboundEnvelope } from './envelope.js';
import type { AsyncMcpError } from './errors.js';
import type { Flight, Outcome } from './flight.js';
import type { Logger } from './logger.js';
import type { Refusal } from './refusals.js';
import type { ReplyPort } from './reply-port.js';
import type { ReplyTarget } from './responder.js';
import type { CreateServer, Session } from './session.js';
import type { SessionSummary, Sessions } from './session-registry.js';
import type { SessionStore } from './session-store.js';

/** All members are required: the defaults are a transport's affair, so that they are written down once (see host-options.ts). */
export interface SessionHostOptions {
  readonly createServer: CreateServer;
  readonly replyPort: ReplyPort;
  readonly store: SessionStore;
  readonly maxSessions: number;
  readonly sessionIdleTimeoutMs: number;
  readonly sessionTtlMs: number;
  readonly concurrency: number;
  readonly maxAttempts: number;
  readonly drainTimeoutMs: number;
  readonly logger: Logger;
  /** Told of every failure that a user should know of. */
  readonly onerror: (error: AsyncMcpError) => void;
  /** Where clients answer this process's own requests (sampling …); undefined: where they send everything. */
  readonly answerAddress?: string | undefined;
}

/** An answer meant for another replica is handed back this often before it is dropped: that replica is gone. */
const FOREIGN_ANSWER_ATTEMPTS = 20;
const FOREIGN_ANSWER_DELAY_MS = 250;

/**
 * The server side of every transport: takes deliveries from a source, routes each to its session (made, found or taken
 * up from its record), and sends what the user's servers say through a {@link ReplyPort}. Settles every delivery, and a
 * request's only after its answer was handed over.
 */
export class SessionHost implements Sessions {
  readonly #options: SessionHostOptions;
  readonly #registry: SessionRegistry;
  readonly #ledger: FlightLedger;
  readonly #responder: Responder;
  readonly #calls: CallRunner;
  #closing: Promise<void> | undefined;
  #onProgress: (() => void) | undefined;

  constructor(options: SessionHostOptions) {
    const { store, createServer, logger, maxSessions, concurrency } = options;
    this.#options = options;
    this.#registry = new SessionRegistry({
      store,
      createServer,
      logger,
      maxSessions,
      idleTimeoutMs: options.sessionIdleTimeoutMs,
      ttlMs: options.sessionTtlMs,
      owner: {
        onServerMessage: (session, message, sendOptions) => this.#fromServer(session, message, sendOptions),
        onServerClosed: (session) => void this.#endQuietly(session),
      },
    });
    this.#ledger = new FlightLedger(() => this.#onProgress?.());
    this.#responder = new Responder(options.replyPort, this.#ledger, (error) => this.#report(error));
    this.#calls = new CallRunner({
      concurrency,
      responder: this.#responder,
      ledger: this.#ledger,
      commit: (session, protocolVersion) =>
        this.#registry.commit(session, protocolVersion === undefined ? {} : { protocolVersion }),
      discard: (session) => this.#registry.release(session),
    });
  }

  start(): void {
    this.#registry.start();
  }

  list(): SessionSummary[] {
    return this.#registry.list();
  }

  async terminate(id: string): Promise<boolean> {
    const session = this.#registry.live.find((live) => live.id === id);
    const existed = await this.#registry.remove(id);
    if (session !== undefined) await this.#calls.failAll(session);
    return existed;
  }

  /**
   * Takes a delivery. Resolves when it no longer takes up room: it is settled, or its call waits for the client. Never
   * rejects: what fails is given back, answered with an error or dead-lettered.
   */
  async receive(delivery: Delivery): Promise<void> {
    const { envelope } = delivery;
    if (this.#closing !== undefined) return delivery.retry();
    const inFlight = this.#ledger.find(envelope);
    if (inFlight !== undefined) return inFlight.absorb(delivery);
    const flight = this.#ledger.begin(delivery);
    try {
      await this.#handle(flight);
    } catch (error) {
      const failure = toAsyncMcpError(error, 'ERR_INTERNAL', `Message ${envelope.messageId} could not be handled`);
      if (this.#closing === undefined) this.#report(failure);
      await flight.retry(
        this.#closing === undefined ? backoffDelay(flight.attempt, { baseMs: 2000, maxMs: 60_000 }) : 0,
      );
    }
  }

  /**
   * Takes no more work, lets running calls finish for up to `drainTimeoutMs`, gives the rest back, frees the servers.
   * The source must keep its leases until this has resolved. Idempotent.
   */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    await Promise.all(this.#registry.live.map((session) => this.#calls.giveBack(session, (call) => !call.started)));
    await this.#drained();
    await Promise.all(this.#registry.live.map((session) => this.#calls.giveBack(session, () => true)));
    await Promise.all(this.#ledger.inFlight.map((flight) => flight.retry()));
    await this.#registry.close();
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

  async #handle(flight: Flight): Promise<void> {
    const { envelope } = flight;
    const outcome = this.#ledger.outcome(envelope);
    if (outcome !== undefined) return this.#repeat(flight, outcome.reply);
    if (envelope.type === 'terminate') return this.#terminateFor(flight);
    const parsed = parseMessage(envelope.body);
    if (!parsed.ok) {
      const id = parsed.id ?? envelope.requestIdHint;
      const refusal = malformed(envelope, parsed.code, parsed.reason);
      return this.#responder.refuse(flight, id, refusal, await this.#target(envelope));
    }
    const { message } = parsed;
    if (isRequest(message) && flight.attempt > this.#options.maxAttempts) return this.#refusePoisoned(flight, message);
    if (isRequest(message) && message.method === 'initialize') return this.#initialize(flight, message);
    return this.#route(flight, message);
  }

  /** The duplicate of a message that was handled: it gets the same answer, and the handler does not run again. */
  async #repeat(flight: Flight, reply: Outcome['reply']): Promise<void> {
    if (reply === undefined) return flight.ack();
    try {
      await this.#responder.answer(flight, reply.address, reply.envelope);
    } catch {
      // answer() has settled and reported.
    }
  }

  async #initialize(flight: Flight, request: JSONRPCRequest): Promise<void> {
    const { envelope } = flight;
    const { clientId } = envelope;
    const address = this.#options.replyPort.addressOf(request.params ?? {});
    if (address === undefined) return this.#refuse(flight, request.id, withoutReplyAddress());
    if (!(await this.#responder.allows(address, envelope))) {
      return this.#refuse(flight, request.id, replyAddressRefused(address));
    }
    const target = { address, ...(clientId !== undefined && { clientId }) };
    if (envelope.sessionId !== undefined) return this.#refuse(flight, request.id, sessionNotWanted(), target);
    const wrong = wrongVersion(envelope);
    if (wrong !== undefined) return this.#refuse(flight, request.id, unsupportedVersion(wrong), target);
    const session = await this.#open(flight, request, address);
    if (isAsyncMcpError(session)) {
      return this.#refuse(flight, request.id, { code: JsonRpcErrorCode.internalError, error: session }, target);
    }
    await this.#calls.run(session, flight, request);
  }

  /** A new session, or the error that says there are too many. */
  async #open(flight: Flight, request: JSONRPCRequest, replyTo: string): Promise<Session | AsyncMcpError> {
    const { clientId } = flight.envelope;
    try {
      return await this.#registry.create({
        replyTo,
        // What the SDK's own schema checks when the server handles it; kept for the replay as it came.
        initializeParams: (request.params ?? {}) as InitializeRequest['params'],
        ...(clientId !== undefined && { clientId }),
      });
    } catch (error) {
      if (isAsyncMcpError(error, 'ERR_SESSION_LIMIT')) return error;
      throw error;
    }
  }

  async #route(flight: Flight, message: JSONRPCMessage): Promise<void> {
    const { sessionId, clientId } = flight.envelope;
    if (sessionId === undefined) {
      if (isRequest(message)) return this.#refuse(flight, message.id, sessionRequired(message));
      return this.#drop(flight, 'a notification or response came without a session id');
    }
    const session = await this.#registry.find(sessionId, clientId);
    if (session === undefined) {
      if (isRequest(message)) return this.#refuse(flight, message.id, unknownSession(sessionId));
      return this.#drop(flight, 'a notification or response came for a session that is unknown or has ended');
    }
    const wrong = wrongVersion(flight.envelope, session);
    if (wrong !== undefined) {
      if (!isRequest(message)) return this.#drop(flight, `protocol version ${wrong} is not supported`);
      return this.#refuse(flight, message.id, unsupportedVersion(wrong), sessionTarget(session.record));
    }
    if (isRequest(message)) return this.#calls.run(session, flight, message);
    if (isNotification(message)) return this.#notify(session, flight, message);
    return this.#answerToServer(session, flight, message);
  }

  async #notify(session: Session, flight: Flight, message: JSONRPCNotification): Promise<void> {
    if (message.method === 'notifications/cancelled') {
      const id = message.params?.['requestId'];
      if (isRequestId(id)) return this.#calls.cancel(session, flight, message, id);
    }
    if (message.method === 'notifications/progress') return this.#answerToServer(session, flight, message);
    if (message.method === 'notifications/initialized' && !session.record.initialized) {
      await this.#registry.commit(session, { initialized: true });
    }
    session.transport.deliver(message);
    await this.#done(flight);
  }

  /** A response to, or progress of, a request that this session's server (here or on another replica) sent to the client. */
  async #answerToServer(session: Session, flight: Flight, message: JSONRPCMessage): Promise<void> {
    const answer = session.serverRequests.incoming(message);
    if (answer.kind === 'ours') {
      session.transport.deliver(answer.message);
      return this.#done(flight);
    }
    if (answer.kind === 'foreign' && flight.attempt < FOREIGN_ANSWER_ATTEMPTS)
      return flight.retry(FOREIGN_ANSWER_DELAY_MS * Math.random());
    this.#options.logger.debug(
      { sessionId: session.id, messageId: flight.envelope.messageId },
      'nobody waits for this answer any more',
    );
    return this.#done(flight);
  }

  async #terminateFor(flight: Flight): Promise<void> {
    const { sessionId, clientId } = flight.envelope;
    const record = sessionId === undefined ? undefined : await this.#registry.record(sessionId, clientId);
    if (record === undefined)
      this.#options.logger.warn({ sessionId, clientId }, "asked to end a session that is unknown or not the sender's");
    else await this.terminate(record.id);
    await this.#done(flight);
  }

  async #refusePoisoned(flight: Flight, request: JSONRPCRequest): Promise<void> {
    const { attempt, envelope } = flight;
    const refusal = poisoned(request, attempt, this.#options.maxAttempts, envelope.messageId);
    let target = await this.#target(envelope);
    if (target === undefined && request.method === 'initialize') {
      const address = this.#options.replyPort.addressOf(request.params ?? {});
      if (address !== undefined && (await this.#responder.allows(address, envelope))) target = { address };
    }
    await this.#responder.refuseAndDeadLetter(flight, request.id, refusal, target);
  }

  async #refuse(flight: Flight, id: RequestId, refusal: Refusal, target?: ReplyTarget): Promise<void> {
    const { messageId, clientId } = flight.envelope;
    this.#options.logger.warn({ err: refusal.error, messageId, clientId }, refusal.error.message);
    await this.#responder.refuse(flight, id, refusal, target ?? (await this.#responder.ownTarget(flight.envelope)));
  }

  /** For what needs no answer: a notification or response that has nowhere to go. */
  async #drop(flight: Flight, why: string): Promise<void> {
    const { messageId, clientId, sessionId } = flight.envelope;
    this.#options.logger.warn({ messageId, clientId, sessionId }, `dropped a message: ${why}`);
    await this.#done(flight);
  }

  async #done(flight: Flight): Promise<void> {
    this.#ledger.record(flight, {});
    await flight.ack();
  }

  /** Where an error for this message goes: to its own session's address, else to the one it names itself, under the policy. */
  async #target(envelope: InboundEnvelope): Promise<ReplyTarget | undefined> {
    const { sessionId, clientId } = envelope;
    const record = sessionId === undefined ? undefined : await this.#registry.record(sessionId, clientId);
    return record === undefined ? this.#responder.ownTarget(envelope) : sessionTarget(record);
  }

  async #fromServer(
    session: Session,
    message: JSONRPCMessage,
    options: TransportSendOptions | undefined,
  ): Promise<void> {
    session.lastActiveAt = Date.now();
    if (isResponse(message)) return this.#calls.respond(session, message);
    const call = this.#calls.find(session, options?.relatedRequestId);
    if (isRequest(message) && call !== undefined) {
      call.park();
      this.#onProgress?.();
    }
    const outgoing = session.serverRequests.outgoing(message, () => call?.resume());
    const { record } = session;
    const envelope = createEnvelope(outgoing, {
      sessionId: record.id,
      clientId: record.clientId,
      relatedRequestId: options?.relatedRequestId,
      replyTo: isRequest(message) ? this.#options.answerAddress : undefined,
    });
    try {
      await this.#options.replyPort.send(record.replyTo, envelope);
    } catch (error) {
      if (isRequest(message)) session.serverRequests.abandon(message.id);
      throw error;
    }
  }

  async #endQuietly(session: Session): Promise<void> {
    try {
      await this.terminate(session.id);
    } catch (error) {
      this.#report(toAsyncMcpError(error, 'ERR_SESSION_STORE', `Session ${session.id} could not be ended`));
    }
  }

  #report(error: AsyncMcpError): void {
    this.#options.logger.error({ err: error }, error.message);
    this.#options.onerror(error);
  }
}

/** The protocol version a message names, if it cannot be served. A message that names none is of its session's version. */
function wrongVersion({ protocolVersion }: InboundEnvelope, session?: Session): string | undefined {
  if (protocolVersion === undefined || protocolVersion === session?.record.protocolVersion) return undefined;
  return SUPPORTED_PROTOCOL_VERSIONS.includes(protocolVersion) ? undefined : protocolVersion;
}
