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
  let settled: Promise<void> | undefined;
  return {
    envelope,
    attempt,
    ack: () => (settled ??= settlement.ack()),
    retry: (delayMs = 0) => (settled ??= settlement.retry(delayMs)),
    reject: (reason) => (settled ??= settlement.reject(reason)),
  };
}
