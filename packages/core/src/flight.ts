import { DuplicateWindow } from './duplicate-window.js';
import { createEnvelope, messageText } from './envelope.js';
import { TransientMap } from './transient-map.js';
import type { JSONRPCErrorResponse, JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { Delivery } from './delivery.js';
import type { Envelope, InboundEnvelope } from './envelope.js';

/** What became of a message that was handled: its reply, or nothing where none was due. */
export interface Outcome {
  readonly reply?: { readonly address: string; readonly envelope: Envelope };
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

/** Deliveries of one message that are held together; more copies than this are acked at once, they only cost leases. */
const MAX_COPIES = 8;

/** Bounds of what is remembered of finished messages, per host. */
const WINDOW = { maxEntries: 10_000, ttlMs: 10 * 60_000, maxWeight: 32 * 1024 * 1024 };

const SETTLED = Promise.resolve();

/**
 * One inbound message while it is worked on: its delivery, and those of its duplicates. All are settled together and once.
 */
export class Flight {
  readonly key: string;
  readonly envelope: InboundEnvelope;
  readonly attempt: number;
  readonly #first: Delivery;
  #copies: Delivery[] | undefined;
  readonly #onSettled: (flight: Flight) => void;
  /** For the ledger: nothing is on record of this message from before, so nothing need be looked up when its outcome is. */
  isNew = false;
  #settled = false;
  #takenBy: string | undefined;

  constructor(key: string, delivery: Delivery, onSettled: (flight: Flight) => void) {
    this.key = key;
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

  /** Takes a duplicate in: it is settled with the others. */
  async absorb(delivery: Delivery): Promise<void> {
    if (this.#takenBy !== undefined) delivery.sender?.taken(this.#takenBy, false);
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

  #settle(settle: (delivery: Delivery) => Promise<void>): Promise<void> {
    if (this.#settled) return SETTLED;
    this.#settled = true;
    this.#onSettled(this);
    if (this.#copies === undefined) return settle(this.#first);
    return Promise.all([this.#first, ...this.#copies].map(settle)).then(() => {});
  }
}

/**
 * Duplicate suppression of a host: which messages are in flight, and what became of those that recently were.
 */
export class FlightLedger {
  readonly #flights = new TransientMap<string, Flight>();
  readonly #outcomes = new DuplicateWindow<RecordedReply | typeof NO_REPLY>(WINDOW);
  readonly #onSettled: (flight: Flight) => void;

  /** @param onChange - called whenever a flight has ended */
  constructor(onChange: () => void) {
    this.#onSettled = ({ key }) => {
      this.#flights.delete(key);
      onChange();
    };
  }

  get inFlight(): readonly Flight[] {
    return this.#flights.values();
  }

  get size(): number {
    return this.#flights.size;
  }

  /** The flight a delivery of the same message belongs to, if there is one. */
  find(key: string): Flight | undefined {
    return this.#flights.get(key);
  }

  /** Whether a message is being handled, or was recently. */
  knows(key: string): boolean {
    return this.#flights.has(key) || this.#outcomes.has(key);
  }

  /** What became of the message of a flight, if it was handled recently. */
  outcome(flight: Flight): Outcome | undefined {
    const { key, envelope, attempt } = flight;
    const recorded = envelope.unnamed === true && attempt === 1 ? undefined : this.#outcomes.get(key);
    if (recorded === undefined) {
      flight.isNew = true;
      return undefined;
    }
    if (recorded === NO_REPLY) return {};
    const { address, sessionId, clientId, via, message } = recorded;
    // A send of its own: under the first one's id a FIFO queue or a webhook receiver would take it for that one, and refuse it.
    // Our own text, of a message that was typed when it was recorded.
    return {
      reply: { address, envelope: createEnvelope(JSON.parse(message) as JSONRPCMessage, { sessionId, clientId, via }) },
    };
  }

  /** Begins a flight. From here on duplicates find it by its key. */
  begin(key: string, delivery: Delivery): Flight {
    const flight = new Flight(key, delivery, this.#onSettled);
    this.#flights.set(key, flight);
    return flight;
  }

  /** Remembers that a flight was handled and no reply was due, so that a duplicate which comes later gets none either. */
  recordDone({ key, envelope: { unnamed } }: Flight): void {
    if (unnamed !== true) this.#outcomes.add(key, NO_REPLY, key.length);
  }

  /**
   * Remembers the reply to a flight, so that a duplicate which comes later gets the same.
   *
   * @param comesBack - whether it is given back itself, and comes again under the same key even if its sender has not named it
   */
  recordReply(flight: Flight, address: string, envelope: Envelope, comesBack = false): void {
    const { key } = flight;
    if (flight.envelope.unnamed === true && !comesBack) return;
    const message = messageText(envelope);
    const known = flight.isNew ? undefined : this.#outcomes.get(key);
    const weight = key.length + message.length;
    // The answer to a duplicate, which is the recorded one: adding it again would count its weight again.
    if (!(known instanceof RecordedReply) || known.message !== message) {
      this.#outcomes.add(key, new RecordedReply(address, envelope, message), weight);
    } else if (comesBack) this.#outcomes.renew(key, known, weight); // It must be there when the message is.
  }
}

/**
 * What duplicates of a message have in common: sender, message id and request id. A stranger who learns a message id still cannot
 * reach another client's recorded reply; who uses a message id again for another request does not get the answer of the first one,
 * which would leave the other without any. With the lengths in it, no two of those make the same key.
 */
export function flightKey({
  messageId,
  sessionId = '',
  clientId = '',
  requestIdHint,
  principal,
}: InboundEnvelope): string {
  const requestId = typeof requestIdHint === 'string' ? `"${requestIdHint}` : (requestIdHint ?? '');
  const key = `${messageId.length} ${sessionId.length} ${clientId.length} ${messageId} ${sessionId} ${clientId} ${requestId}`;
  return principal === undefined ? key : `${String(requestId).length} ${key} ${principal}`;
}
