import { isAsyncMcpError, toAsyncMcpError } from './errors.js';
import { JsonRpcErrorCode, errorResponse, isNotification, isRequest, isRequestId, parsedMessage } from './jsonrpc.js';
import { SUPPORTED_PROTOCOL_VERSIONS } from './protocol-versions.js';
import {
  MAX_INITIALIZE_LENGTH,
  PROBE,
  initializeTooLong,
  invalidParams,
  malformed,
  poisoned,
  replyAddressRefused,
  sessionNotWanted,
  sessionRequired,
  unavailable,
  unknownSession,
  unsupportedVersion,
  withoutReplyAddress,
} from './refusals.js';
import { sessionTarget } from './responder.js';
import { handOnDelay } from './retry.js';
import type {
  InitializeRequest,
  JSONRPCMessage,
  JSONRPCNotification,
  JSONRPCRequest,
  RequestId,
} from '@modelcontextprotocol/sdk/types.js';
import type { CallClaims, Claimed } from './call-claims.js';
import type { CallRunner } from './call-runner.js';
import type { InboundEnvelope, Sender } from './envelope.js';
import type { AsyncMcpError } from './errors.js';
import type { Flight, FlightLedger, Outcome } from './flight.js';
import type { MalformedMessage } from './jsonrpc.js';
import type { Logger } from './logger.js';
import type { Refusal } from './refusals.js';
import type { ReplyPort } from './reply-port.js';
import type { ReplyTarget, Responder } from './responder.js';
import type { Session } from './session.js';
import type { SessionRegistry } from './session-registry.js';

export interface InboundRouterOptions {
  readonly registry: SessionRegistry;
  readonly ledger: FlightLedger;
  readonly responder: Responder;
  readonly calls: CallRunner;
  /** Those on calls that other processes may get copies of; undefined: each process knows its own. */
  readonly claims: CallClaims | undefined;
  readonly replyPort: ReplyPort;
  readonly maxAttempts: number;
  readonly logger: Logger;
  readonly report: (error: AsyncMcpError) => void;
  /** Told of what could not be handled after all, when nobody waits for it any more. Never rejects. */
  readonly failed: (flight: Flight, error: unknown) => Promise<void>;
  readonly terminate: (sessionId: string) => Promise<boolean>;
  readonly sessionOf?: ((sender: Sender) => string | undefined) | undefined;
}

/** An answer meant for another replica is handed back this often before it is dropped: that replica is gone. */
const FOREIGN_ANSWER_ATTEMPTS = 25;

/** Something that is no request and still comes back after this many receives is dead-lettered. */
const HOPELESS_ATTEMPTS = 50;

/** Decides what an inbound message is, whose it is, and what is done with it. */
export class InboundRouter {
  readonly #options: InboundRouterOptions;

  constructor(options: InboundRouterOptions) {
    this.#options = options;
  }

  /**
   * Does with a message what is to be done. Rejects (or throws) when that failed for now, and the flight is not settled yet.
   *
   * On the way of every message: it has frames of its own only where something is waited for.
   */
  handle(flight: Flight): Promise<void> {
    const { envelope } = flight;
    const outcome = this.#options.ledger.outcome(flight);
    if (outcome !== undefined) return this.#repeat(flight, outcome.reply, flight.known.shared);
    if (envelope.type === 'terminate') return this.#terminateFor(flight);
    const parsed = parsedMessage(envelope);
    if (!parsed.ok) return this.#refuseMalformed(flight, parsed);
    const { message } = parsed;
    const { claims } = this.#options;
    if (isRequest(message)) {
      // A copy could not be told from what has no name.
      if (claims === undefined || envelope.unnamed === true) return this.#begin(flight, message, flight.attempt);
      return this.#claim(claims, flight, message);
    }
    if (flight.attempt > HOPELESS_ATTEMPTS)
      return flight.reject(`received ${flight.attempt} times without being handled`);
    return this.#route(flight, message);
  }

  /**
   * Does with a request what is to be done with it here.
   *
   * @param attempt - how often somebody has begun with it, this time included
   */
  #begin(flight: Flight, request: JSONRPCRequest, attempt: number): Promise<void> {
    if (attempt > this.#options.maxAttempts) return this.#refusePoisoned(flight, request, attempt);
    return request.method === 'initialize' ? this.#initialize(flight, request) : this.#route(flight, request);
  }

  /** The same, unless another process has the request. It is waited for then: it may yet be killed. That takes up no room. */
  async #claim(claims: CallClaims, flight: Flight, request: JSONRPCRequest): Promise<void> {
    const claimed = await claims.claim(flight);
    if (claimed !== undefined) return this.#claimed(claimed, flight, request);
    // Which session it opens is known when that is open.
    const sessionId = request.method === 'initialize' ? undefined : this.#sessionOf(flight.envelope, request);
    if (sessionId !== undefined) flight.wait(sessionId);
    void this.#await(claims, flight, request).catch((error: unknown) => {
      const text = `Message ${flight.envelope.messageId} could not be settled`;
      this.#options.report(toAsyncMcpError(error, 'ERR_INTERNAL', text));
    });
  }

  async #await(claims: CallClaims, flight: Flight, request: JSONRPCRequest): Promise<void> {
    const claimed = await claims.wait(flight);
    if (claimed === undefined) return flight.leave();
    try {
      await this.#claimed(claimed, flight, request);
    } catch (error) {
      await this.#options.failed(flight, error);
    }
  }

  #claimed(claimed: Claimed, flight: Flight, request: JSONRPCRequest): Promise<void> {
    // How often it was received says less: copies only wait.
    if (claimed.kind === 'claimed') return this.#begin(flight, request, claimed.times);
    if (claimed.outcome.reply === undefined) this.#options.ledger.recordDone(flight);
    return this.#repeat(flight, claimed.outcome.reply, true);
  }

  /**
   * The last time a request may fail before it runs, its caller is told what failed, not that it was tried too often. Resolves with
   * whether it was: anything else comes again.
   */
  async refuseAtLast(flight: Flight, failure: AsyncMcpError): Promise<boolean> {
    const { envelope, attempt } = flight;
    // Beyond it, it is refused for the attempts themselves, and dead-lettered; that may fail for now, too.
    const isLast = attempt === this.#options.maxAttempts;
    if (!isLast || flight.settled || failure.code === 'ERR_CLOSED' || envelope.type === 'terminate') return false;
    const parsed = parsedMessage(envelope);
    if (!parsed.ok || !isRequest(parsed.message)) return false;
    const target = flight.awaited ? undefined : await this.#options.responder.ownTarget(envelope);
    // Its session's address is in the store: once that is there again, the sender can be told.
    if (!flight.awaited && target === undefined) return false;
    this.#options.report(failure);
    await this.#refuse(flight, parsed.message.id, unavailable(parsed.message, failure.code), target);
    return true;
  }

  async #refuseMalformed(flight: Flight, { id, code, reason }: MalformedMessage): Promise<void> {
    const { envelope } = flight;
    const target = await this.#target(envelope);
    const refusal = malformed(envelope, code, reason);
    await this.#options.responder.refuse(flight, id ?? envelope.requestIdHint, refusal, target);
  }

  /** The duplicate of a message that was handled: it gets the same answer, and the handler does not run again. */
  async #repeat(flight: Flight, reply: Outcome['reply'], isShared: boolean): Promise<void> {
    if (reply === undefined) return flight.ack();
    if (isShared) this.#options.claims?.keep(flight, reply);
    // An answer to initialize names the session, too.
    flight.take(reply.envelope.sessionId ?? '', false);
    flight.answered();
    try {
      await this.#options.responder.answer(flight, reply.address, reply.envelope);
    } catch {
      // answer() has settled and reported.
    }
  }

  async #initialize(flight: Flight, request: JSONRPCRequest): Promise<void> {
    const { envelope } = flight;
    const { clientId } = envelope;
    if (envelope.body.length > MAX_INITIALIZE_LENGTH) return this.#refuse(flight, request.id, initializeTooLong());
    const address = this.#addressIn(request);
    if (address === undefined) return this.#refuse(flight, request.id, withoutReplyAddress());
    if (isAsyncMcpError(address)) return this.#refuse(flight, request.id, invalidParams(address));
    if (!(await this.#options.responder.allows(address, envelope))) {
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
    await this.#options.calls.run(session, flight, request);
  }

  /** A new session, or the error that says there are too many. */
  async #open(flight: Flight, request: JSONRPCRequest, replyTo: string): Promise<Session | AsyncMcpError> {
    const { clientId, principal } = flight.envelope;
    try {
      return await this.#options.registry.create({
        replyTo,
        // What the SDK's own schema checks when the server handles it; kept for the replay as it came.
        initializeParams: (request.params ?? {}) as InitializeRequest['params'],
        ...(clientId !== undefined && { clientId }),
        ...(principal !== undefined && { principal }),
      });
    } catch (error) {
      if (isAsyncMcpError(error, 'ERR_SESSION_LIMIT')) return error;
      throw error;
    }
  }

  #route(flight: Flight, message: JSONRPCMessage): Promise<void> {
    const sessionId = this.#sessionOf(flight.envelope, message);
    if (sessionId === undefined) {
      if (isRequest(message)) return this.#refuse(flight, message.id, sessionRequired(message.method));
      const why = 'a notification or response came without a session id';
      return this.#drop(flight, why, sessionRequired('method' in message ? message.method : 'a response'));
    }
    const session = this.#options.registry.findAtOnce(sessionId, flight.envelope);
    return session === undefined
      ? this.#findAndDeliver(sessionId, flight, message)
      : this.#deliver(session, flight, message);
  }

  /** A probe is of no session, even if its sender has one. */
  #sessionOf(envelope: InboundEnvelope, message: JSONRPCMessage): string | undefined {
    if (envelope.sessionId !== undefined) return envelope.sessionId;
    const isProbe = isRequest(message) && message.method === PROBE;
    return isProbe ? undefined : this.#options.sessionOf?.(envelope);
  }

  async #findAndDeliver(sessionId: string, flight: Flight, message: JSONRPCMessage): Promise<void> {
    const session = await this.#options.registry.find(sessionId, flight.envelope);
    if (session !== undefined) return this.#deliver(session, flight, message);
    if (isRequest(message)) return this.#refuse(flight, message.id, unknownSession(sessionId));
    const why = 'a notification or response came for a session that is unknown or has ended';
    return this.#drop(flight, why, unknownSession(sessionId));
  }

  #deliver(session: Session, flight: Flight, message: JSONRPCMessage): Promise<void> {
    const wrong = wrongVersion(flight.envelope, session);
    if (wrong !== undefined) {
      const refusal = unsupportedVersion(wrong);
      if (!isRequest(message)) return this.#drop(flight, refusal.error.message, refusal);
      return this.#refuse(flight, message.id, refusal, sessionTarget(session.record));
    }
    if (isRequest(message)) return this.#options.calls.run(session, flight, message);
    if (isNotification(message)) return this.#notify(session, flight, message);
    return this.#answerToServer(session, flight, message);
  }

  async #notify(session: Session, flight: Flight, message: JSONRPCNotification): Promise<void> {
    if (message.method === 'notifications/cancelled') {
      const id = message.params?.['requestId'];
      if (isRequestId(id)) return this.#options.calls.cancel(session, flight, message, id);
    }
    if (message.method === 'notifications/progress') return this.#answerToServer(session, flight, message);
    if (message.method === 'notifications/initialized' && !session.record.initialized) {
      await this.#options.registry.update(session, { initialized: true });
    }
    session.transport.deliver(message, flight.envelope.extra);
    await this.#done(flight);
  }

  /** A response to, or progress of, a request that this session's server (here or on another replica) sent to the client. */
  async #answerToServer(session: Session, flight: Flight, message: JSONRPCMessage): Promise<void> {
    const answer = session.serverRequests.incoming(message);
    if (answer.kind === 'ours') {
      session.transport.deliver(answer.message, flight.envelope.extra);
      return this.#done(flight);
    }
    if (answer.kind === 'foreign' && flight.attempt < FOREIGN_ANSWER_ATTEMPTS) {
      return flight.retry(handOnDelay(flight.attempt));
    }
    this.#options.logger.debug(
      { sessionId: session.id, messageId: flight.envelope.messageId },
      'nobody waits for this answer any more',
    );
    return this.#done(flight);
  }

  async #terminateFor(flight: Flight): Promise<void> {
    const { sessionId = '' } = flight.envelope;
    const record = sessionId === '' ? undefined : await this.#options.registry.record(sessionId, flight.envelope);
    if (record === undefined) {
      const why = "asked to end a session that is unknown or not the sender's";
      return this.#drop(flight, why, unknownSession(sessionId));
    }
    await this.#options.terminate(record.id);
    await this.#done(flight);
  }

  async #refusePoisoned(flight: Flight, request: JSONRPCRequest, attempt: number): Promise<void> {
    const { envelope } = flight;
    const refusal = poisoned(request, attempt, this.#options.maxAttempts, envelope.messageId);
    let target = await this.#target(envelope);
    if (target === undefined && request.method === 'initialize') {
      const address = this.#addressIn(request);
      if (typeof address === 'string' && (await this.#options.responder.allows(address, envelope)))
        target = { address };
    }
    await this.#options.responder.refuseAndDeadLetter(flight, request.id, refusal, target);
  }

  async #refuse(flight: Flight, id: RequestId, refusal: Refusal, target?: ReplyTarget): Promise<void> {
    const { messageId, clientId } = flight.envelope;
    this.#options.logger.warn({ err: refusal.error, messageId, clientId }, refusal.error.message);
    await this.#options.responder.refuse(
      flight,
      id,
      refusal,
      target ?? (await this.#options.responder.ownTarget(flight.envelope)),
    );
  }

  /** For what needs no answer, though a sender that waits gets one: a notification or response that has nowhere to go. */
  async #drop(flight: Flight, why: string, { code, error }: Refusal): Promise<void> {
    const { messageId, clientId, sessionId } = flight.envelope;
    this.#options.logger.warn({ messageId, clientId, sessionId }, `dropped a message: ${why}`);
    if (flight.awaited) return flight.refuse(errorResponse(undefined, code, error));
    await this.#done(flight);
  }

  /** The reply address that an `initialize` names, or what is wrong with what it says of replies. */
  #addressIn({ params = {} }: JSONRPCRequest): string | AsyncMcpError | undefined {
    try {
      return this.#options.replyPort.addressOf(params);
    } catch (error) {
      if (isAsyncMcpError(error)) return error;
      throw error;
    }
  }

  async #done(flight: Flight): Promise<void> {
    this.#options.ledger.recordDone(flight);
    await flight.ack();
  }

  /** Where an error for this message goes: to its own session's address, else to the one it names itself, under the policy. */
  async #target(envelope: InboundEnvelope): Promise<ReplyTarget | undefined> {
    const { sessionId } = envelope;
    const record = sessionId === undefined ? undefined : await this.#options.registry.record(sessionId, envelope);
    return record === undefined ? this.#options.responder.ownTarget(envelope) : sessionTarget(record);
  }
}

/** The protocol version a message names, if it cannot be served. A message that names none is of its session's version. */
function wrongVersion({ protocolVersion }: InboundEnvelope, session?: Session): string | undefined {
  if (protocolVersion === undefined || protocolVersion === session?.record.protocolVersion) return undefined;
  return SUPPORTED_PROTOCOL_VERSIONS.includes(protocolVersion) ? undefined : protocolVersion;
}
