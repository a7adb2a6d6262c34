import { createDelivery } from '@asyncmcp/core';
import type { Delivery, InboundEnvelope, Settlement, WaitingSender } from '@asyncmcp/core';
import type { Place } from './server-admission.js';
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

/** A sender that stays on the line. */
export interface ConnectedSender extends WaitingSender {
  /** Another process works on its message, and answers whoever posts it again: nothing is said here, not even that. Called in place of `settled`. */
  leave(): void;
  /** Nothing more comes of its message. Called once. */
  settled(): void;
}

/** A message in the inbox. */
interface InboxMessage extends Settlement {
  readonly envelope: InboundEnvelope;
  attempt: number;
  /** The session that has it. */
  readonly sessionId?: string | undefined;
}

/** What an inbox hands its messages to. */
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
  /**
   * @param attempt - how often servers have begun with this message, this time included
   * @param place - given back when the message is done with
   * @param tell - called once, with what the sender is to be told; as a rule before this returns. It must not throw.
   */
  post(envelope: InboundEnvelope, attempt: number, place: Place, tell: (outcome: PostOutcome) => void): void;
  /**
   * Takes a message whose sender stays on the line, and hears there whatever is to be heard: it is kept until it is settled, however
   * often it has to be tried.
   *
   * @param attempt - how often servers have begun with this message, this time included
   * @param place - given back when the message is done with
   */
  keep(envelope: InboundEnvelope, attempt: number, place: Place, sender: ConnectedSender): void;
  /**
   * Takes a message that nobody waits for an answer to: a notification, or an answer. While it waits to be tried again, e.g. for the call
   * that it cancels, it takes no place from calls; where too many wait, it is dropped.
   *
   * @param place - given back when the message is done with, or has to wait
   */
  note(envelope: InboundEnvelope, place: Place): void;
  /** What would be tried again is given up from now on, and what waits for it. */
  close(): void;
}

/** An inbox, empty and open. */
export function createInbox({ handle, onGivenUp }: InboxOptions): Inbox {
  const waiting = new Map<InboxMessage, NodeJS.Timeout>();
  let closed = false;

  function deliver(message: InboxMessage): void {
    // It never rejects.
    void handle(createDelivery(message.envelope, message.attempt, message));
  }

  function tryAgain(message: InboxMessage, delayMs: number): void {
    if (closed) return giveUp(message);
    const timer = setTimeout(() => {
      waiting.delete(message);
      message.attempt++;
      deliver(message);
    }, delayMs);
    waiting.set(message, timer);
  }

  function giveUp(message: InboxMessage): void {
    const { envelope, sessionId } = message;
    // Who names no session, as older clients do, is still told what becomes of it.
    onGivenUp(envelope.sessionId === undefined && sessionId !== undefined ? { ...envelope, sessionId } : envelope);
    void message.ack();
  }

  return {
    post(envelope, attempt, place, tell) {
      deliver(new PostedMessage(envelope, attempt, place, tell, tryAgain));
    },
    keep(envelope, attempt, place, sender) {
      deliver(new KeptMessage(envelope, attempt, place, sender, tryAgain));
    },
    note(envelope, place) {
      deliver(new NotedMessage(envelope, place, tryAgain, () => waiting.size < MAX_NOTED));
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
class PostedMessage implements InboxMessage, WaitingSender {
  readonly envelope: InboundEnvelope;
  attempt: number;
  readonly #tryAgain: (message: PostedMessage, delayMs: number) => void;
  readonly #place: Place;
  /** Undefined once the sender knows what became of its message: all of its request hangs on it, and the answer may take long. */
  #tell: ((outcome: PostOutcome) => void) | undefined;
  sessionId: string | undefined;

  constructor(
    envelope: InboundEnvelope,
    attempt: number,
    place: Place,
    tell: (outcome: PostOutcome) => void,
    onTryAgain: (message: PostedMessage, delayMs: number) => void,
  ) {
    this.envelope = envelope;
    this.attempt = attempt;
    this.#place = place;
    this.#tell = tell;
    this.#tryAgain = onTryAgain;
  }

  /** Itself, until it was told. */
  get sender(): WaitingSender | undefined {
    return this.#tell === undefined ? undefined : this;
  }

  taken(sessionId: string, begun: boolean): void {
    // A copy of what is worked on takes no place of its own.
    if (!begun) this.#place.settled();
    this.sessionId = sessionId;
    this.#say({ kind: 'taken', sessionId, begun });
  }

  /** What it may yet run here counts as begun, and keeps its place. */
  waits(sessionId: string): void {
    this.sessionId = sessionId;
    this.#say({ kind: 'taken', sessionId, begun: true });
  }

  answered(): void {
    this.#place.answered();
  }

  refuse(refusal: JSONRPCErrorResponse): void {
    this.#say({ kind: 'refused', refusal });
  }

  ack(): Promise<void> {
    this.#place.settled();
    this.#say(DONE);
    return SETTLED;
  }

  async retry(delayMs = 0): Promise<void> {
    if (this.#tell === undefined) return this.#tryAgain(this, delayMs);
    this.#place.settled();
    this.#say({ kind: 'later', delayMs });
  }

  /** The host has reported why. Where it could tell the sender, it has done so. */
  reject(): Promise<void> {
    return this.ack();
  }

  /** Its sender asks again by itself, where it has not been told yet: now. */
  async leave(): Promise<void> {
    this.#place.settled();
    this.#say({ kind: 'later', delayMs: 0 });
  }

  #say(outcome: PostOutcome): void {
    const tell = this.#tell;
    this.#tell = undefined;
    tell?.(outcome);
  }
}

/** A message whose sender stays on the line. */
class KeptMessage implements InboxMessage, WaitingSender {
  readonly envelope: InboundEnvelope;
  attempt: number;
  readonly #place: Place;
  readonly #sender: ConnectedSender;
  readonly #tryAgain: (message: KeptMessage, delayMs: number) => void;
  #taken = false;

  constructor(
    envelope: InboundEnvelope,
    attempt: number,
    place: Place,
    sender: ConnectedSender,
    onTryAgain: (message: KeptMessage, delayMs: number) => void,
  ) {
    this.envelope = envelope;
    this.attempt = attempt;
    this.#place = place;
    this.#sender = sender;
    this.#tryAgain = onTryAgain;
  }

  /** Itself, until a session has the message: from then on it answers as it answers everything. */
  get sender(): WaitingSender | undefined {
    return this.#taken ? undefined : this;
  }

  taken(sessionId: string, begun: boolean): void {
    this.#taken = true;
    this.#sender.taken(sessionId, begun);
  }

  answered(): void {
    this.#place.answered();
  }

  refuse(refusal: JSONRPCErrorResponse): void {
    this.#sender.refuse(refusal);
  }

  ack(): Promise<void> {
    this.#place.settled();
    this.#sender.settled();
    return SETTLED;
  }

  async retry(delayMs = 0): Promise<void> {
    this.#tryAgain(this, delayMs);
  }

  async leave(): Promise<void> {
    this.#place.settled();
    this.#sender.leave();
  }

  /** The host has reported why. */
  reject(): Promise<void> {
    return this.ack();
  }
}

/** Most messages that wait to be tried again, for one more of those that nobody waits for to be among them. */
const MAX_NOTED = 1000;

/** A message that nobody waits for an answer to. */
class NotedMessage implements InboxMessage {
  readonly envelope: InboundEnvelope;
  readonly sender = undefined;
  attempt = 1;
  readonly #place: Place;
  readonly #tryAgain: (message: NotedMessage, delayMs: number) => void;
  readonly #mayWait: () => boolean;

  constructor(
    envelope: InboundEnvelope,
    place: Place,
    onTryAgain: (message: NotedMessage, delayMs: number) => void,
    mayWait: () => boolean,
  ) {
    this.envelope = envelope;
    this.#place = place;
    this.#tryAgain = onTryAgain;
    this.#mayWait = mayWait;
  }

  ack(): Promise<void> {
    this.#place.settled();
    return SETTLED;
  }

  async retry(delayMs = 0): Promise<void> {
    this.#place.settled();
    if (this.#mayWait()) this.#tryAgain(this, delayMs);
  }

  /** The host has reported why. */
  reject(): Promise<void> {
    return this.ack();
  }
}

const DONE: PostOutcome = { kind: 'done' };
const SETTLED = Promise.resolve();
