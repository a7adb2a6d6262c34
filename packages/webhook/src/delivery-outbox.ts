import { TransientMap } from '@asyncmcp/core';
import type { RequestId } from '@modelcontextprotocol/sdk/types.js';

/** What keeps its order: one request of a session, or, with undefined, all that belongs to none. */
export type Lane = RequestId | undefined;

/** A message in an {@link Outbox}. */
export interface Queued {
  /** Names the session. */
  readonly session: string;
  readonly lane: Lane;
  /** The outbox's own: by which it knows the message. */
  ticket?: number | undefined;
}

/** A message and where it stands. */
class Entry<T> {
  readonly message: T;
  readonly lane: string;
  next: Entry<T> | undefined = undefined;
  state: 'waiting' | 'queued' | 'begun' | 'gone' = 'waiting';

  constructor(message: T, lane: string) {
    this.message = message;
    this.lane = lane;
  }
}

export interface OutboxOptions<T> {
  /** Most messages of one session in the works; what comes then waits for its turn. */
  readonly maxQueuedPerSession: number;
  /** Called once for each message when its turn has come, unless it was removed before. */
  readonly begin: (message: T) => void;
}

/**
 * Keeps the order of messages: in a lane, one begins when the one before it was removed. Lanes of one session, and sessions, do not
 * wait for each other. Nothing is kept of what has no messages.
 */
export class Outbox<T extends Queued> {
  readonly #maxQueued: number;
  readonly #begin: (message: T) => void;
  // For all sessions together: nearly all have one message at a time, and collections of their own would cost more than the rest.
  readonly #entries = new TransientMap<number, Entry<T>>();
  /** How many messages a session has. */
  readonly #sizes = new TransientMap<string, number>();
  /** The last entry of each lane. */
  readonly #tails = new TransientMap<string, Entry<T>>();
  /** Those of a session that are not among the ones in the works yet, in order. */
  readonly #waiting = new Map<string, Set<Entry<T>>>();
  #added = 0;

  constructor({ maxQueuedPerSession, begin }: OutboxOptions<T>) {
    this.#maxQueued = maxQueuedPerSession;
    this.#begin = begin;
  }

  /** Sessions in memory. */
  get size(): number {
    return this.#sizes.size;
  }

  /** Adds a message. If its turn is now, it begins before this returns. */
  add(message: T): void {
    const { session, lane } = message;
    const size = (this.#sizes.get(session) ?? 0) + 1;
    this.#sizes.set(session, size);
    const entry = new Entry(message, laneKey(session, lane));
    message.ticket = this.#added++;
    this.#entries.set(message.ticket, entry);
    if (size > this.#maxQueued) this.#waitingOf(session).add(entry);
    else if (this.#enqueue(entry)) this.#begin(message);
  }

  /** Takes a message out, wherever it stands; what it held up goes on. Does nothing for one that is out already. */
  remove(message: T): void {
    const { session, ticket } = message;
    const entry = ticket === undefined ? undefined : this.#entries.get(ticket);
    if (ticket === undefined || entry === undefined) return;
    this.#entries.delete(ticket);
    const size = (this.#sizes.get(session) ?? 1) - 1;
    if (size > 0) this.#sizes.set(session, size);
    else this.#sizes.delete(session);
    const { state } = entry;
    entry.state = 'gone';
    if (state === 'waiting') this.#waiting.get(session)?.delete(entry);
    else if (state === 'begun') this.#advance(entry);
    this.#admit(session, size);
  }

  /** The messages of a session, as they are now, in the order in which they came. */
  of(session: string): readonly T[] {
    return this.#sizes.has(session) ? this.all().filter((message) => message.session === session) : [];
  }

  /** All messages, as they are now. */
  all(): readonly T[] {
    return this.#entries.values().map(({ message }) => message);
  }

  #waitingOf(session: string): Set<Entry<T>> {
    let waiting = this.#waiting.get(session);
    if (waiting === undefined) this.#waiting.set(session, (waiting = new Set()));
    return waiting;
  }

  /** Begins the next of a lane whose first is gone. */
  #advance(gone: Entry<T>): void {
    let { next } = gone;
    while (next?.state === 'gone') next = next.next;
    if (next === undefined) this.#tails.delete(gone.lane);
    else this.#beginSoon(next);
  }

  #admit(session: string, size: number): void {
    const waiting = this.#waiting.get(session);
    if (waiting === undefined) return;
    for (const entry of waiting) {
      if (size - waiting.size >= this.#maxQueued) return;
      waiting.delete(entry);
      if (this.#enqueue(entry)) this.#beginSoon(entry);
    }
    this.#waiting.delete(session);
  }

  /** Puts an entry at the end of its lane; whether it is the first there. */
  #enqueue(entry: Entry<T>): boolean {
    const tail = this.#tails.get(entry.lane);
    this.#tails.set(entry.lane, entry);
    if (tail === undefined) {
      entry.state = 'begun';
      return true;
    }
    tail.next = entry;
    entry.state = 'queued';
    return false;
  }

  /** Not from within remove(): a lane whose messages all fail at once would recurse as deep as it is long. */
  #beginSoon(entry: Entry<T>): void {
    entry.state = 'begun';
    queueMicrotask(() => {
      if (entry.state === 'begun') this.#begin(entry.message);
    });
  }
}

/** Session ids have no line breaks, and 1 is another lane than "1". */
function laneKey(session: string, lane: Lane): string {
  return lane === undefined ? session : `${session}\n${typeof lane === 'number' ? '#' : '"'}${lane}`;
}
