import type { InboundEnvelope } from './envelope.js';

/**
 * An inbound envelope that must be settled exactly once, by one of the three methods. Until then its source keeps it
 * leased. A second settling does nothing and resolves with the first.
 */
export interface Delivery {
  readonly envelope: InboundEnvelope;
  /** How often the source has handed this message out, this time included; 1 is the first. */
  readonly attempt: number;
  /** Done: forget it. */
  ack(): Promise<void>;
  /** Give it back; it comes again after `delayMs` milliseconds (default 0), here or in another process. */
  retry(delayMs?: number): Promise<void>;
  /** It is never going to work: move it to the dead letters, with the reason. */
  reject(reason: string): Promise<void>;
}

/** The three ways to settle, as a source implements them. */
export type Settlement = Pick<Delivery, 'ack' | 'retry' | 'reject'>;

/** A delivery whose settlement runs at most once, whatever its holder does. */
export function createDelivery(envelope: InboundEnvelope, attempt: number, settlement: Settlement): Delivery {
  return new SettledOnce(envelope, attempt, settlement);
}

/** A class, because one is made for every message: an object of closures costs several times as much. */
class SettledOnce implements Delivery {
  readonly envelope: InboundEnvelope;
  readonly attempt: number;
  readonly #settlement: Settlement;
  #settled: Promise<void> | undefined;

  constructor(envelope: InboundEnvelope, attempt: number, settlement: Settlement) {
    this.envelope = envelope;
    this.attempt = attempt;
    this.#settlement = settlement;
  }

  ack(): Promise<void> {
    return (this.#settled ??= this.#settlement.ack());
  }

  retry(delayMs = 0): Promise<void> {
    return (this.#settled ??= this.#settlement.retry(delayMs));
  }

  reject(reason: string): Promise<void> {
    return (this.#settled ??= this.#settlement.reject(reason));
  }
}
