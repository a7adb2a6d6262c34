import type { JSONRPCErrorResponse } from '@modelcontextprotocol/sdk/types.js';
import type { InboundEnvelope } from './envelope.js';

/** A sender that waits to hear what becomes of its message (over HTTP), until it is told one of the two. */
export interface WaitingSender {
  /**
   * The message is in the hands of this session: from here on replies go where the session's replies go.
   *
   * @param begun - whether this very copy of the message made the session begin with it; false for a further copy
   */
  taken(sessionId: string, begun: boolean): void;
  /** The message is refused. The delivery is acked after it: there is nothing left to do. */
  refuse(refusal: JSONRPCErrorResponse): void;
}

/**
 * An inbound envelope that must be settled exactly once, by one of the three methods. Until then its source keeps it
 * leased. A second settling does nothing and resolves with the first.
 */
export interface Delivery {
  /** What arrived. */
  readonly envelope: InboundEnvelope;
  /** How often the source has handed this message out, this time included; 1 is the first. */
  readonly attempt: number;
  /** Undefined where nobody waits, as with a queue. Settling the delivery ends the waiting, too. */
  readonly sender?: WaitingSender | undefined;
  /**
   * Called when another process works on the message, and what comes of it is waited for here: a sender that waits for no more than to
   * know it in good hands is told. It may yet begin here, if that process is killed, so it counts as an attempt.
   */
  waits?(sessionId: string): void;
  /** Called when the work is done and the answer is being delivered, which may take long. Settling comes after it. */
  answered?(): void;
  /** Done: forget it. */
  ack(): Promise<void>;
  /** Give it back; it comes again after `delayMs` milliseconds (default 0), here or in another process. */
  retry(delayMs?: number): Promise<void>;
  /** It is never going to work: move it to the dead letters, with the reason. */
  reject(reason: string): Promise<void>;
  /**
   * This process closes, and another one works on the message: nobody is told that it was not done. Its sender may ask again. Default: it
   * is given back.
   */
  leave?(): Promise<void>;
}

/** What a source implements: the ways to settle, and what it needs to know before. */
export type Settlement = Pick<Delivery, 'ack' | 'retry' | 'reject' | 'leave' | 'sender' | 'waits' | 'answered'>;

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

  get sender(): WaitingSender | undefined {
    return this.#settlement.sender;
  }

  waits(sessionId: string): void {
    this.#settlement.waits?.(sessionId);
  }

  answered(): void {
    this.#settlement.answered?.();
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

  leave(): Promise<void> {
    return (this.#settled ??= this.#settlement.leave?.() ?? this.#settlement.retry());
  }
}
