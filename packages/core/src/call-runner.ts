import { Call } from './call.js';
import { createEnvelope } from './envelope.js';
import { toAsyncMcpError } from './errors.js';
import { isErrorResponse } from './jsonrpc.js';
import { requestIdInUse, sessionEnded } from './refusals.js';
import { sessionTarget } from './responder.js';
import { handOnDelay } from './retry.js';
import { Slots } from './slots.js';
import type {
  JSONRPCErrorResponse,
  JSONRPCNotification,
  JSONRPCRequest,
  JSONRPCResultResponse,
  RequestId,
} from '@modelcontextprotocol/sdk/types.js';
import type { AsyncMcpError } from './errors.js';
import type { Flight, FlightLedger } from './flight.js';
import type { Responder } from './responder.js';
import type { Session } from './session.js';

/** A cancellation for a request not seen here is handed back this often, in case another replica runs the request. */
const CANCEL_ATTEMPTS = 12;

/** How long a handler may wait for its client to take a notification before others may run in its place, in milliseconds. */
const SLOW_SEND_MS = 1000;

export interface CallRunnerOptions {
  readonly concurrency: number;
  readonly responder: Responder;
  readonly ledger: FlightLedger;
  /** Puts a session on record whose `initialize` has succeeded. */
  readonly commit: (session: Session, protocolVersion: string | undefined) => Promise<void>;
  /** Drops a session whose `initialize` has failed. */
  readonly discard: (session: Session) => Promise<void>;
  /** Told of a session that could not be put on record: its `initialize` comes back, and whoever runs the server should know why. */
  readonly report: (error: AsyncMcpError) => void;
}

/** Runs clients' requests through their sessions' servers, and sends what comes of them. */
export class CallRunner {
  readonly #options: CallRunnerOptions;
  readonly #slots: Slots;

  constructor(options: CallRunnerOptions) {
    this.#options = options;
    this.#slots = new Slots(options.concurrency);
  }

  /** Runs one request. Resolves when it no longer takes up room: answered, cancelled, or waiting for its client. */
  run(session: Session, flight: Flight, request: JSONRPCRequest): Promise<void> {
    const { id } = request;
    if (flight.settled) return flight.ack(); // Given back by a close() that came meanwhile: nothing to do.
    if (session.endedCalls.isCancelledAhead(id)) {
      session.endedCalls.add(id);
      this.#options.ledger.recordDone(flight);
      return flight.ack();
    }
    if (session.calls.has(id)) {
      return this.#options.responder.refuse(flight, id, requestIdInUse(request), sessionTarget(session.record));
    }
    flight.take(session.id);
    const call = new Call(request, flight, this.#slots);
    session.calls.set(id, call);
    if (!call.startAtOnce()) return this.#runLater(session, call);
    this.#hand(session, call);
    return call.yielded;
  }

  async #runLater(session: Session, call: Call): Promise<void> {
    // Between the granting of the slot and here it may have been cancelled.
    if ((await call.start()) && call.running) this.#hand(session, call);
    await call.yielded;
  }

  #hand(session: Session, call: Call): void {
    try {
      session.transport.deliver(call.request, call.flight.envelope.extra);
    } catch (error) {
      session.calls.delete(call.request.id);
      call.end();
      throw error;
    }
  }

  /** The server's response to a call. Rejects when it could not be handed over; the call is settled either way. */
  async respond(session: Session, response: JSONRPCResultResponse | JSONRPCErrorResponse): Promise<void> {
    const call = response.id === undefined ? undefined : take(session, response.id);
    // Cancelled meanwhile, or given back at shutdown: nobody waits for it here.
    if (call === undefined) return;
    // A client that is slow to take its answer, or gone, keeps no other call from running.
    call.answered();
    call.flight.answered();
    try {
      if (call.request.method === 'initialize') await this.#settleInitialize(session, response);
      const { record } = session;
      const { via } = call.flight.envelope;
      const envelope = createEnvelope(response, { sessionId: record.id, clientId: record.clientId, via });
      await this.#options.responder.answer(call.flight, record.replyTo, envelope, record);
    } finally {
      call.end();
      // A failure before answer(), e.g. of the session store: the request comes back and runs again.
      if (!call.flight.settled) await call.flight.retry();
    }
  }

  /** `notifications/cancelled` from the client: the call gets no response (MCP specification, cancellation). */
  async cancel(session: Session, flight: Flight, notification: JSONRPCNotification, id: RequestId): Promise<void> {
    const running = session.calls.get(id);
    if (running?.request.method === 'initialize') return flight.ack(); // The specification forbids it.
    if (running === undefined) return cancelUnseen(session, flight, id);
    session.calls.delete(id);
    session.endedCalls.add(id);
    if (running.started) session.transport.deliver(notification);
    running.end();
    this.#options.ledger.recordDone(running.flight);
    await Promise.all([running.flight.ack(), flight.ack()]);
  }

  /**
   * Lets a call wait for the answer to a request of the server, and returns what ends the waiting: the call the request
   * names, or else one that runs in its session. Handlers that
   * use the server object instead of what they were given name none (`server.createMessage()`); as slots are only counted,
   * it does not matter which of the session's calls gives up its own. (Asking AsyncLocalStorage whose it is would be exact,
   * but on Node 20 it costs every promise of the process a hook.)
   */
  park(session: Session, id: RequestId | undefined): () => void {
    if (id !== undefined) return session.calls.get(id)?.park(true) ?? (() => {});
    const call = session.calls.values().find((candidate) => candidate.running);
    return call?.park(false) ?? (() => {});
  }

  /**
   * Lets a call whose client does not take a notification give its slot back after a second. The result ends that: whatever is
   * being sent is sent.
   */
  parkIfSlow(session: Session, id: RequestId | undefined): () => void {
    const call = id === undefined ? undefined : session.calls.get(id);
    if (call === undefined) return () => {};
    let resume: (() => void) | undefined;
    const timer = setTimeout(() => {
      resume = call.park(false);
    }, SLOW_SEND_MS).unref();
    return () => {
      clearTimeout(timer);
      resume?.();
    };
  }

  /** Answers all calls of a session that has ended. */
  async failAll(session: Session): Promise<void> {
    const calls = session.calls.values();
    session.calls.clear();
    const target = sessionTarget(session.record);
    await Promise.all(
      calls.map(async (call) => {
        call.end();
        await this.#options.responder.refuse(call.flight, call.request.id, sessionEnded(session.id), target);
      }),
    );
  }

  /** Gives the chosen calls of a session back, to be run again elsewhere. Responses that still come are dropped. */
  async giveBack(session: Session, chosen: (call: Call) => boolean): Promise<void> {
    const calls = session.calls.values().filter(chosen);
    for (const call of calls) {
      session.calls.delete(call.request.id);
      call.end();
    }
    await Promise.all(calls.map((call) => call.flight.retry()));
  }

  /** How many calls of a session wait for their client. */
  parked(session: Session): number {
    return session.calls.values().filter((call) => call.parked).length;
  }

  async #settleInitialize(session: Session, response: JSONRPCResultResponse | JSONRPCErrorResponse): Promise<void> {
    if (isErrorResponse(response)) return this.#options.discard(session);
    const version = response.result['protocolVersion'];
    try {
      await this.#options.commit(session, typeof version === 'string' ? version : undefined);
    } catch (error) {
      this.#options.report(
        toAsyncMcpError(error, 'ERR_SESSION_STORE', `Session ${session.id} could not be put on record`),
      );
      await this.#options.discard(session);
      throw error;
    }
  }
}

async function cancelUnseen(session: Session, flight: Flight, id: RequestId): Promise<void> {
  const ended = session.endedCalls.has(id);
  if (!ended && !session.endedCalls.isCancelledAhead(id)) session.endedCalls.cancelAhead(id);
  if (ended || flight.attempt >= CANCEL_ATTEMPTS) await flight.ack();
  else await flight.retry(handOnDelay(flight.attempt));
}

/** The call that a response answers, which is no longer open then. */
function take(session: Session, id: RequestId): Call | undefined {
  const call = session.calls.get(id);
  if (call === undefined) return undefined;
  session.calls.delete(id);
  session.endedCalls.add(id);
  return call;
}
