import { DuplicateWindow } from './duplicate-window.js';
import { createEnvelope, messageText } from './envelope.js';
import { TransientSet } from './transient-set.js';
import type { JSONRPCErrorResponse, JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js';
import type { Delivery } from './delivery.js';
import type { Envelope, InboundEnvelope } from './envelope.js';
import type { Place } from './transient-set.js';

/** What became of a message that was handled: its reply, or nothing where none was due. */
export interface Outcome {
  readonly reply?: { readonly address: string; readonly envelope: Envelope };
}

/** What a flight does with the claim on its call, where processes share them. Neither ever rejects. */
export interface Claim {
  /** Its answer is about to be sent. From here on the call runs nowhere else. */
  answering(address: string, envelope: Envelope): Promise<void>;
  /** The flight is over. Without an answer the call may run elsewhere, unless it is done. */
  settled(done: boolean): Promise<void>;
}

/** A reply as it is kept: ten thousand of them as text are far less work to the garbage collector than as objects. */
class RecordedReply {
  readonly address: string;
  readonly sessionId: string | undefined;
  readonly clientId: string | undefined;
  readonly via: string | undefined;
  readonly message: string;

  constructor(address: string, { sessionId, clientId, via }: Envelope, message: string) {
    this.address = address;
    this.sessionId = sessionId;
    this.clientId = clientId;
    this.via = via;
    this.message = message;
  }
}

const NO_REPLY = 'no reply';

/**
 * What is known of one message: its flight, as long as it has one, and what became of it.
 *
 * Duplicates have in common the sender, the message id and the request id. A stranger who learns a message id still cannot reach
 * another client's recorded reply; who uses a message id again for another request does not get the answer of the first one, which
 * would leave the other without any.
 */
class Known {
  readonly #key: string;
  readonly #window: DuplicateWindow<Known>;
  readonly #messageId: string;
  readonly #requestId: RequestId | undefined;
  readonly #principal: string | undefined;
  #sessionId: string | undefined;
  #clientId: string | undefined;
  #outcome: RecordedReply | typeof NO_REPLY | undefined;
  flight: Flight | undefined;
  /** Whether other processes know of its outcome, too. */
  shared = false;

  /**
   * @param key - what it is found by
   * @param window - where it is found, once it has entered
   */
  constructor(
    { messageId, sessionId, clientId, requestIdHint, principal }: InboundEnvelope,
    key: string,
    window: DuplicateWindow<Known>,
  ) {
    this.#key = key;
    this.#window = window;
    this.#messageId = messageId;
    this.#requestId = requestIdHint;
    this.#principal = principal;
    this.#sessionId = sessionId;
    this.#clientId = clientId;
  }

  get outcome(): RecordedReply | typeof NO_REPLY | undefined {
    return this.#outcome;
  }

  /** Whether it is what is known of this message. */
  isOf({ messageId, sessionId, clientId, requestIdHint, principal }: InboundEnvelope): boolean {
    return (
      this.#messageId === messageId &&
      this.#sessionId === sessionId &&
      this.#clientId === clientId &&
      this.#requestId === requestIdHint &&
      this.#principal === principal
    );
  }

  /** From here on it is found, as long as its message is in flight. */
  enter(): void {
    this.#window.add(this.#key, this);
  }

  /** From here on it is found for a while. */
  record(outcome: RecordedReply | typeof NO_REPLY): void {
    this.#outcome = outcome;
    if (outcome !== NO_REPLY) {
      // The same ids as the session's, which are there anyway: those that came with the message need not be kept.
      if (this.#sessionId === outcome.sessionId) this.#sessionId = outcome.sessionId;
      if (this.#clientId === outcome.clientId) this.#clientId = outcome.clientId;
    }
    if (this.#window.add(this.#key, this, this.#weight)) return;
    // Too large to be remembered: it is known as long as it is in flight.
    this.#outcome = undefined;
    this.enter();
  }

  /** From here on it is found for a while again. */
  renew(): void {
    this.#window.renew(this.#key, this, this.#weight);
  }

  /** It is no longer found, if nothing became of its message. */
  leave(): void {
    if (this.#outcome === undefined) this.#window.delete(this.#key);
  }

  /** In characters: most of them a stranger's. */
  get #weight(): number {
    const ids = [this.#messageId, this.#sessionId, this.#clientId, this.#principal, this.#requestId];
    let weight = this.#outcome instanceof RecordedReply ? this.#outcome.message.length : 0;
    for (const id of ids) if (typeof id === 'string') weight += id.length;
    return weight;
  }
}

/** Deliveries of one message that are held together; more copies than this are acked at once, they only cost leases. */
const MAX_COPIES = 8;

/** How long the outcome of a message is remembered, in milliseconds. */
export const REMEMBERED_MS: number = 10 * 60_000;

/** Bounds of what is remembered of finished messages, per host. Those in flight are there as well, however long they take. */
const WINDOW = {
  maxEntries: 10_000,
  ttlMs: REMEMBERED_MS,
  maxWeight: 32 * 1024 * 1024,
  keeps: ({ flight }: Known): boolean => flight !== undefined,
};

/** Of those that have the id of another one, which is rare: a mistake, or malice. */
const NAMESAKES = { ...WINDOW, maxEntries: 1000, maxWeight: 4 * 1024 * 1024 };

const SETTLED = Promise.resolve();

/**
 * One inbound message while it is worked on: its delivery, and those of its duplicates. All are settled together and once.
 */
export class Flight {
  /** The ledger's own: what is known of the message, and where the flight stands. */
  readonly known: Known;
  place: Place<Flight> | undefined;
  /** Where processes share claims. */
  claim: Claim | undefined;
  readonly envelope: InboundEnvelope;
  readonly attempt: number;
  readonly #first: Delivery;
  #copies: Delivery[] | undefined;
  readonly #onSettled: (flight: Flight) => void;
  #settled = false;
  #takenBy: string | undefined;
  #waitsIn: string | undefined;

  constructor(known: Known, delivery: Delivery, onSettled: (flight: Flight) => void) {
    this.known = known;
    this.envelope = delivery.envelope;
    this.attempt = delivery.attempt;
    this.#first = delivery;
    this.#onSettled = onSettled;
  }

  get settled(): boolean {
    return this.#settled;
  }

  /** Whether the sender waits to hear what becomes of its message. */
  get awaited(): boolean {
    return this.#takenBy === undefined && this.#first.sender !== undefined;
  }

  /** Whether a session has it, or had it and is asked for the outcome once more; what was refused before that has run nowhere. */
  get taken(): boolean {
    return this.#takenBy !== undefined;
  }

  /** Another process works on the message for this session; it is waited for. */
  wait(sessionId: string): void {
    this.#waitsIn = sessionId;
    this.#first.waits?.(sessionId);
    this.#copies?.forEach(({ sender }) => sender?.taken(sessionId, false));
  }

  /** The message is in the hands of a session: senders that wait are told so. */
  take(sessionId: string, begun = true): void {
    if (this.#takenBy !== undefined) return;
    this.#takenBy = sessionId;
    this.#first.sender?.taken(sessionId, begun);
    this.#copies?.forEach(({ sender }) => sender?.taken(sessionId, false));
  }

  /** Its session has done what it asked for; the answer is on its way. */
  answered(): void {
    this.#first.answered?.();
    this.#copies?.forEach((copy) => copy.answered?.());
  }

  /** Whether it began with this delivery, which is no copy then. */
  isOf(delivery: Delivery): boolean {
    return this.#first === delivery;
  }

  /** Takes a duplicate in: it is settled with the others. */
  async absorb(delivery: Delivery): Promise<void> {
    const sessionId = this.#takenBy ?? this.#waitsIn;
    if (sessionId !== undefined) delivery.sender?.taken(sessionId, false);
    this.#copies ??= [];
    if (this.#copies.length + 1 >= MAX_COPIES) await delivery.ack();
    else this.#copies.push(delivery);
  }

  /** Tells a sender that waits that its message is refused. */
  refuse(refusal: JSONRPCErrorResponse): Promise<void> {
    this.#first.sender?.refuse(refusal);
    this.#copies?.forEach(({ sender }) => sender?.refuse(refusal));
    return this.ack();
  }

  ack(): Promise<void> {
    return this.#settle((delivery) => delivery.ack());
  }

  retry(delayMs = 0): Promise<void> {
    return this.#settle((delivery) => delivery.retry(delayMs));
  }

  reject(reason: string): Promise<void> {
    return this.#settle((delivery) => (delivery === this.#first ? delivery.reject(reason) : delivery.ack()));
  }

  /** Another process works on the message, and this one closes. */
  leave(): Promise<void> {
    return this.#settle((delivery) => delivery.leave?.() ?? delivery.retry());
  }

  #settle(settle: (delivery: Delivery) => Promise<void>): Promise<void> {
    if (this.#settled) return SETTLED;
    this.#settled = true;
    this.#onSettled(this);
    if (this.claim === undefined) return this.#settleAll(settle);
    // Before: what is given back may be received at once.
    return this.claim.settled(this.known.outcome === NO_REPLY).then(() => this.#settleAll(settle));
  }

  #settleAll(settle: (delivery: Delivery) => Promise<void>): Promise<void> {
    if (this.#copies === undefined) return settle(this.#first);
    return Promise.all([this.#first, ...this.#copies].map(settle)).then(() => {});
  }
}

/**
 * Duplicate suppression of a host: which messages are in flight, and what became of those that recently were.
 */
export class FlightLedger {
  readonly #inFlight = new TransientSet<Flight>();
  /** By the message id, which is nearly always enough to tell messages apart. */
  readonly #known = new DuplicateWindow<Known>(WINDOW);
  /** Messages whose id another one has too, by all that tells them apart. Made when there is the first one. */
  #namesakes: DuplicateWindow<Known> | undefined;
  readonly #onSettled: (flight: Flight) => void;

  /** @param onChange - called whenever a flight has ended */
  constructor(onChange: () => void) {
    this.#onSettled = ({ place, known }) => {
      if (place !== undefined) this.#inFlight.delete(place);
      known.flight = undefined;
      known.leave();
      onChange();
    };
  }

  get inFlight(): readonly Flight[] {
    return this.#inFlight.values();
  }

  get size(): number {
    return this.#inFlight.size;
  }

  /** The flight of a delivery: that of a copy which is in flight, or else one that begins, and that copies find from here on. */
  flightOf(delivery: Delivery): Flight {
    const { envelope, attempt } = delivery;
    const isFresh = envelope.unnamed === true && attempt === 1;
    const known = (isFresh ? undefined : this.#find(envelope)) ?? this.#begin(envelope);
    if (known.flight !== undefined) return known.flight;
    const flight = new Flight(known, delivery, this.#onSettled);
    known.flight = flight;
    flight.place = this.#inFlight.add(flight);
    return flight;
  }

  /** Whether a message is being handled, or was recently. */
  knows(envelope: InboundEnvelope): boolean {
    return this.#find(envelope) !== undefined;
  }

  /** What became of the message of a flight, if it was handled before, and recently. */
  outcome({ known: { outcome } }: Flight): Outcome | undefined {
    if (outcome === undefined) return undefined;
    if (outcome === NO_REPLY) return {};
    const { address, sessionId, clientId, via, message } = outcome;
    // A send of its own: under the first one's id a FIFO queue or a webhook receiver would take it for that one, and refuse it.
    // Our own text, of a message that was typed when it was recorded.
    return {
      reply: { address, envelope: createEnvelope(JSON.parse(message) as JSONRPCMessage, { sessionId, clientId, via }) },
    };
  }

  /** Remembers that a flight was handled and no reply was due, so that a duplicate which comes later gets none either. */
  recordDone({ known, envelope }: Flight): void {
    if (envelope.unnamed !== true) known.record(NO_REPLY);
  }

  /**
   * Remembers the reply to a flight, so that a duplicate which comes later gets the same.
   *
   * @param comesBack - whether it is given back itself, and comes again under the same id even if its sender has not named it
   */
  recordReply({ known, envelope: { unnamed } }: Flight, address: string, reply: Envelope, comesBack = false): void {
    if (unnamed === true && !comesBack) return;
    const message = messageText(reply);
    const { outcome } = known;
    // The answer to a duplicate, which is the recorded one: adding it again would count its weight again.
    const isRecorded = outcome instanceof RecordedReply && outcome.message === message;
    if (!isRecorded) known.record(new RecordedReply(address, reply, message));
    else if (comesBack) known.renew(); // It must be there when the message is.
  }

  #find(envelope: InboundEnvelope): Known | undefined {
    const known = this.#known.get(envelope.messageId);
    return known?.isOf(envelope) === true ? known : this.#namesakes?.get(identityOf(envelope));
  }

  /** What is known of a message that is new: nothing yet. */
  #begin(envelope: InboundEnvelope): Known {
    const { messageId, unnamed } = envelope;
    if (unnamed === true) return new Known(envelope, messageId, this.#known);
    const isNamesake = this.#known.has(messageId);
    if (isNamesake) this.#namesakes ??= new DuplicateWindow(NAMESAKES);
    const known =
      isNamesake && this.#namesakes !== undefined
        ? new Known(envelope, identityOf(envelope), this.#namesakes)
        : new Known(envelope, messageId, this.#known);
    known.enter();
    return known;
  }
}

/** All that tells one message from another. With the lengths in it, no two make the same. */
export function identityOf({
  messageId,
  sessionId = '',
  clientId = '',
  requestIdHint,
  principal,
}: InboundEnvelope): string {
  const requestId = typeof requestIdHint === 'string' ? `"${requestIdHint}` : (requestIdHint ?? '');
  const identity = `${messageId.length} ${sessionId.length} ${clientId.length} ${messageId} ${sessionId} ${clientId} ${requestId}`;
  return principal === undefined ? identity : `${String(requestId).length} ${identity} ${principal}`;
}
