import { DuplicateWindow } from './duplicate-window.js';
import type { Delivery } from './delivery.js';
import type { Envelope, InboundEnvelope } from './envelope.js';

/** What became of a message that was handled: its recorded reply, or nothing where none was due. */
export interface Outcome {
  readonly reply?: { readonly address: string; readonly envelope: Envelope };
}

/** Deliveries of one message that are held together; more copies than this are acked at once, they only cost leases. */
const MAX_COPIES = 8;

/** Bounds of what is remembered of finished messages, per host. */
const WINDOW = { maxEntries: 10_000, ttlMs: 5 * 60_000, maxWeight: 32 * 1024 * 1024 };

const SETTLED = Promise.resolve();

/**
 * One inbound message while it is worked on: its delivery, and those of its duplicates. All are settled together and once.
 */
export class Flight {
  readonly key: string;
  readonly envelope: InboundEnvelope;
  readonly attempt: number;
  readonly #deliveries: Delivery[];
  readonly #onSettled: (flight: Flight) => void;
  #settled = false;

  constructor(key: string, delivery: Delivery, onSettled: (flight: Flight) => void) {
    this.key = key;
    this.envelope = delivery.envelope;
    this.attempt = delivery.attempt;
    this.#deliveries = [delivery];
    this.#onSettled = onSettled;
  }

  get settled(): boolean {
    return this.#settled;
  }

  /** Takes a duplicate in: it is settled with the others. */
  async absorb(delivery: Delivery): Promise<void> {
    if (this.#deliveries.length >= MAX_COPIES) await delivery.ack();
    else this.#deliveries.push(delivery);
  }

  ack(): Promise<void> {
    return this.#settle((delivery) => delivery.ack());
  }

  retry(delayMs = 0): Promise<void> {
    return this.#settle((delivery) => delivery.retry(delayMs));
  }

  reject(reason: string): Promise<void> {
    return this.#settle((delivery, index) => (index === 0 ? delivery.reject(reason) : delivery.ack()));
  }

  #settle(settle: (delivery: Delivery, index: number) => Promise<void>): Promise<void> {
    if (this.#settled) return SETTLED;
    this.#settled = true;
    this.#onSettled(this);
    const [delivery, ...copies] = this.#deliveries;
    if (delivery !== undefined && copies.length === 0) return settle(delivery, 0);
    return Promise.all(this.#deliveries.map(settle)).then(() => {});
  }
}

/**
 * Duplicate suppression of a host: which messages are in flight, and what became of those that recently were.
 */
export class FlightLedger {
  readonly #flights = new Map<string, Flight>();
  readonly #outcomes = new DuplicateWindow<Outcome>(WINDOW);
  readonly #onEmpty: () => void;

  constructor(onChange: () => void) {
    this.#onEmpty = onChange;
  }

  get inFlight(): readonly Flight[] {
    return [...this.#flights.values()];
  }

  get size(): number {
    return this.#flights.size;
  }

  /** The flight a delivery of the same message belongs to, if there is one. */
  find(envelope: InboundEnvelope): Flight | undefined {
    return this.#flights.get(flightKey(envelope));
  }

  /** What became of the message, if it was handled recently. */
  outcome(envelope: InboundEnvelope): Outcome | undefined {
    return this.#outcomes.get(flightKey(envelope));
  }

  /** Begins a flight. From here on duplicates find it. */
  begin(delivery: Delivery): Flight {
    const flight = new Flight(flightKey(delivery.envelope), delivery, (settled) => {
      this.#flights.delete(settled.key);
      this.#onEmpty();
    });
    this.#flights.set(flight.key, flight);
    return flight;
  }

  /** Remembers what became of a flight, so that a duplicate which comes later gets the same. */
  record(flight: Flight, outcome: Outcome): void {
    const { reply } = outcome;
    this.#outcomes.add(
      flight.key,
      outcome,
      flight.key.length + (reply === undefined ? 0 : JSON.stringify(reply.envelope.message).length),
    );
  }
}

/**
 * Sender and message id: a stranger who learns a message id still cannot reach another client's recorded reply. With the
 * lengths in it, no two different triples make the same key.
 */
function flightKey({ messageId, sessionId = '', clientId = '' }: InboundEnvelope): string {
  return `${messageId.length} ${sessionId.length} ${messageId} ${sessionId} ${clientId}`;
}
