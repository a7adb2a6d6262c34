import { createDelivery } from '@asyncmcp/core';
import type { Delivery, InboundEnvelope, Settlement, WaitingSender } from '@asyncmcp/core';
import type { JSONRPCErrorResponse } from '@modelcontextprotocol/sdk/types.js';

/** What the sender of a POST is told. */
export type PostOutcome =
  /** A session has it; the reply comes by webhook. `begun`: because of this very POST, not of a copy before it. */
  | { readonly kind: 'taken'; readonly sessionId: string; readonly begun: boolean }
  /** It is handled, and there is no reply. */
  | { readonly kind: 'done' }
  | { readonly kind: 'refused'; readonly refusal: JSONRPCErrorResponse }
  /** Not now, or not here: to be posted again after this many milliseconds. */
  | { readonly kind: 'later'; readonly delayMs: number };

export interface InboxOptions {
  /** Takes a delivery; never rejects. */
  readonly handle: (delivery: Delivery) => Promise<void>;
  /** Told of a message that was taken, is not done, and cannot be tried again because the inbox is closed. */
  readonly onGivenUp: (envelope: InboundEnvelope) => void;
}

/**
 * The source of deliveries of an HTTP server. A POST is answered once its message is in good hands or refused; from then on the
 * message is kept here until it is settled, in memory: what is lost with the process its sender posts again.
 */
export interface Inbox {
  /** @param attempt - how often servers have begun with this message, this time included */
  post(envelope: InboundEnvelope, attempt: number): Posted;
  /** What would be tried again is given up from now on, and what waits for it. */
  close(): void;
}

/** A message that was posted. */
export interface Posted {
  readonly outcome: Promise<PostOutcome>;
  /** Resolves when the message is settled. */
  readonly settled: Promise<void>;
}

export function createInbox({ handle, onGivenUp }: InboxOptions): Inbox {
  const waiting = new Map<PostedMessage, NodeJS.Timeout>();
  let closed = false;

  function deliver(message: PostedMessage): void {
    // It never rejects.
    void handle(createDelivery(message.envelope, message.attempt, message));
  }

  function tryAgain(message: PostedMessage, delayMs: number): void {
    if (closed) return giveUp(message);
    const timer = setTimeout(() => {
      waiting.delete(message);
      message.attempt++;
      deliver(message);
    }, delayMs);
    waiting.set(message, timer);
  }

  function giveUp(message: PostedMessage): void {
    onGivenUp(message.envelope);
    void message.ack();
  }

  return {
    post(envelope, attempt) {
      const message = new PostedMessage(envelope, attempt, tryAgain);
      deliver(message);
      return message;
    },
    close() {
      closed = true;
      const given = [...waiting];
      waiting.clear();
      for (const [, timer] of given) clearTimeout(timer);
      for (const [message] of given) giveUp(message);
    },
  };
}

/** A message, how it is settled, and its sender, in one object: one is made for every message. */
class PostedMessage implements Posted, Settlement, WaitingSender {
  readonly envelope: InboundEnvelope;
  readonly outcome: Promise<PostOutcome>;
  readonly settled: Promise<void>;
  attempt: number;
  readonly #tryAgain: (message: PostedMessage, delayMs: number) => void;
  /** Whether the sender knows what became of its message. */
  #told = false;
  #tell!: (outcome: PostOutcome) => void; // Both are assigned in the constructor, by the promises' executors.
  #settle!: () => void;

  constructor(
    envelope: InboundEnvelope,
    attempt: number,
    onTryAgain: (message: PostedMessage, delayMs: number) => void,
  ) {
    this.envelope = envelope;
    this.attempt = attempt;
    this.#tryAgain = onTryAgain;
    this.outcome = new Promise((resolve) => {
      this.#tell = resolve;
    });
    this.settled = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  /** Itself, until it was told. */
  get sender(): WaitingSender | undefined {
    return this.#told ? undefined : this;
  }

  taken(sessionId: string, begun: boolean): void {
    this.#say({ kind: 'taken', sessionId, begun });
  }

  refuse(refusal: JSONRPCErrorResponse): void {
    this.#say({ kind: 'refused', refusal });
  }

  async ack(): Promise<void> {
    this.#say(DONE);
    this.#settle();
  }

  async retry(delayMs = 0): Promise<void> {
    if (this.#told) return this.#tryAgain(this, delayMs);
    this.#say({ kind: 'later', delayMs });
    this.#settle();
  }

  /** The host has reported why. Where it could tell the sender, it has done so. */
  reject(): Promise<void> {
    return this.ack();
  }

  #say(outcome: PostOutcome): void {
    this.#told = true;
    this.#tell(outcome);
  }
}

const DONE: PostOutcome = { kind: 'done' };
