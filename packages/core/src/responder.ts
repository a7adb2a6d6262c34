import { AsyncMcpError, isAsyncMcpError, toAsyncMcpError } from './errors.js';
import { createEnvelope } from './envelope.js';
import { JsonRpcErrorCode, errorCodeOf, errorResponse, isErrorResponse, isResponse } from './jsonrpc.js';
import { quoted } from './refusals.js';
import { backoffDelay } from './retry.js';
import type { RequestId } from '@modelcontextprotocol/sdk/types.js';
import type { AsyncMcpErrorCode } from './errors.js';
import type { Envelope, InboundEnvelope } from './envelope.js';
import type { Flight, FlightLedger } from './flight.js';
import type { Refusal } from './refusals.js';
import type { ReplyPort } from './reply-port.js';
import type { SessionRecord } from './session-store.js';

/** Failures to send that trying again will not heal. */
const PERMANENT: readonly AsyncMcpErrorCode[] = [
  'ERR_DELIVERY_FAILED',
  'ERR_DESTINATION_GONE',
  'ERR_ACCESS_DENIED',
  'ERR_REPLY_ADDRESS_REFUSED',
  'ERR_MESSAGE_TOO_LARGE',
  'ERR_TOO_MANY_ATTRIBUTES',
  'ERR_MESSAGE_INVALID',
];

/** Failures that are the answer's own. */
const UNSENDABLE: readonly AsyncMcpErrorCode[] = ['ERR_MESSAGE_TOO_LARGE', 'ERR_MESSAGE_INVALID'];

/** Where an answer goes, and the session it belongs to where there is one. */
export interface ReplyTarget {
  readonly address: string;
  readonly sessionId?: string;
  readonly clientId?: string;
  /** The session's record, where there is one. */
  readonly session?: SessionRecord;
}

/** Sends answers, and settles what they answer: acknowledged only after the answer was handed over. */
export class Responder {
  readonly #port: ReplyPort;
  readonly #ledger: FlightLedger;
  readonly #report: (error: AsyncMcpError) => void;

  constructor(port: ReplyPort, ledger: FlightLedger, report: (error: AsyncMcpError) => void) {
    this.#port = port;
    this.#ledger = ledger;
    this.#report = report;
  }

  /**
   * Sends the answer to a flight and settles it. If the answer cannot be sent now, the message goes back and the answer is
   * kept for its return; if it never can be, the message is dead-lettered. Rejects in both cases, after settling.
   */
  async answer(flight: Flight, address: string, envelope: Envelope, session?: SessionRecord): Promise<void> {
    try {
      await this.#send(flight, address, envelope, session);
    } catch (error) {
      const replacement = this.#explained(envelope, error);
      if (replacement === undefined) return this.#notSent(flight, address, envelope, error);
      return this.answer(flight, address, replacement, session);
    }
    this.#ledger.recordReply(flight, address, envelope);
    await flight.ack();
  }

  /**
   * Written down first, where others could run the call: it must not run once its caller may have an answer. What belongs to no session
   * is refused by others, too, and strangers fill no store with it.
   */
  #send(flight: Flight, address: string, envelope: Envelope, session: SessionRecord | undefined): Promise<void> {
    const send = (): Promise<void> => this.#port.send(address, envelope, session);
    const isShared = flight.claim !== undefined && (flight.taken || session !== undefined);
    return isShared ? this.#share(flight, address, envelope).then(send) : send();
  }

  async #share(flight: Flight, address: string, envelope: Envelope): Promise<void> {
    if (flight.claim === undefined) return;
    await flight.claim.answering(address, envelope);
    flight.known.shared = true;
  }

  async #notSent(flight: Flight, address: string, envelope: Envelope, error: unknown): Promise<never> {
    const failure = toAsyncMcpError(error, 'ERR_UNAVAILABLE', `The answer could not be sent to ${address}`);
    this.#ledger.recordReply(flight, address, envelope, true);
    if (PERMANENT.includes(failure.code)) {
      this.#report(failure);
      await flight.reject(failure.message);
    } else await flight.retry(backoffDelay(flight.attempt, { baseMs: 1000, maxMs: 60_000 }));
    throw failure;
  }

  /**
   * Answers a request with an error: at once if its sender waits, else at its reply address. Where nobody can be answered it
   * dead-letters the message. Never rejects.
   */
  async refuse(
    flight: Flight,
    id: RequestId | undefined,
    refusal: Refusal,
    target: ReplyTarget | undefined,
  ): Promise<void> {
    if (flight.awaited) return this.#refuseAtOnce(flight, id, refusal, target);
    if (target === undefined) {
      this.#report(refusal.error);
      await flight.reject(refusal.error.message);
      return;
    }
    try {
      await this.answer(flight, target.address, this.#errorEnvelope(flight, id, refusal, target), target.session);
    } catch {
      // answer() has settled the message and, where it is lost, reported why.
    }
  }

  /** As {@link #send} does: what its caller is told here is known to copies elsewhere first. */
  async #refuseAtOnce(
    flight: Flight,
    id: RequestId | undefined,
    refusal: Refusal,
    target: ReplyTarget | undefined,
  ): Promise<void> {
    if (target?.session !== undefined)
      await this.#share(flight, target.address, this.#errorEnvelope(flight, id, refusal, target));
    await flight.refuse(errorResponse(id, refusal.code, refusal.error));
  }

  /**
   * Tells the sender of a message that is dead-lettered why, as far as it can be reached. If it cannot be reached just now,
   * the message goes back instead, to be refused again. Never rejects.
   */
  async refuseAndDeadLetter(
    flight: Flight,
    id: RequestId | undefined,
    refusal: Refusal,
    target: ReplyTarget | undefined,
  ): Promise<void> {
    // A stranger says how often it was tried, and is told: no business of the operator's.
    if (flight.awaited) return this.#refuseAtOnce(flight, id, refusal, target);
    this.#report(refusal.error);
    if (target !== undefined) {
      const { address } = target;
      const envelope = this.#errorEnvelope(flight, id, refusal, target);
      try {
        await this.#port.send(address, envelope, target.session);
        // Not before: what comes back is to be dead-lettered.
        await this.#share(flight, address, envelope);
        this.#ledger.recordReply(flight, address, envelope);
      } catch (error) {
        const failure = toAsyncMcpError(error, 'ERR_UNAVAILABLE', `The error could not be sent to ${address}`);
        this.#report(failure);
        if (!PERMANENT.includes(failure.code))
          return flight.retry(backoffDelay(flight.attempt, { baseMs: 1000, maxMs: 60_000 }));
      }
    }
    await flight.reject(refusal.error.message);
  }

  /** The single message's own reply address, under the policy: used only where there is no session to take it from. */
  async ownTarget(envelope: InboundEnvelope): Promise<ReplyTarget | undefined> {
    const { replyTo, sessionId, clientId } = envelope;
    if (replyTo === undefined || !(await this.allows(replyTo, envelope))) return undefined;
    return {
      address: replyTo,
      ...(sessionId !== undefined && { sessionId }),
      ...(clientId !== undefined && { clientId }),
    };
  }

  /** Whether the policy lets replies go to an address. A policy that throws allows nothing. */
  async allows(
    address: string,
    { clientId, sessionId }: Pick<InboundEnvelope, 'clientId' | 'sessionId'>,
  ): Promise<boolean> {
    try {
      const info = { ...(clientId !== undefined && { clientId }), ...(sessionId !== undefined && { sessionId }) };
      return (await this.#port.allows(address, info)) === true;
    } catch (error) {
      this.#report(
        toAsyncMcpError(
          error,
          'ERR_REPLY_ADDRESS_REFUSED',
          `allowReplyTo failed for ${quoted(address)}, which counts as no`,
        ),
      );
      return false;
    }
  }

  /**
   * An answer that its destination does not take, because it is too large or cannot be written down, is replaced by an error
   * that says so: the caller must not wait for ever, and running the call again would not help.
   */
  #explained(envelope: Envelope, error: unknown): Envelope | undefined {
    const { message } = envelope;
    if (!isAsyncMcpError(error) || !UNSENDABLE.includes(error.code) || !isResponse(message)) return undefined;
    // It was explained already, and even that does not fit.
    if (isErrorResponse(message) && errorCodeOf(message) === error.code) return undefined;
    this.#report(error);
    const what = error.code === 'ERR_MESSAGE_TOO_LARGE' ? 'does not fit' : 'could not be sent';
    const explained = new AsyncMcpError(error.code, `The result ${what}: ${error.message}`, {
      details: { ...error.details },
    });
    return { ...envelope, message: errorResponse(message.id, JsonRpcErrorCode.internalError, explained) };
  }

  #errorEnvelope(
    flight: Flight,
    id: RequestId | undefined,
    { code, error }: Refusal,
    { sessionId, clientId }: ReplyTarget,
  ): Envelope {
    const { via } = flight.envelope;
    return createEnvelope(errorResponse(id, code, error), { sessionId, clientId, via });
  }
}

/** Where the replies of a session go. */
export function sessionTarget(record: SessionRecord): ReplyTarget {
  return {
    address: record.replyTo,
    sessionId: record.id,
    session: record,
    ...(record.clientId !== undefined && { clientId: record.clientId }),
  };
}
