import { TransientMap, TransientSet } from '@asyncmcp/core';
import type { Place } from '@asyncmcp/core';
import type { RequestId } from '@modelcontextprotocol/sdk/types.js';

/** What keeps its order: one request of a session, or, with undefined, all that belongs to none. */
export type Lane = RequestId | undefined;

/** A message of type `T` in an {@link Outbox}. */
export interface Queued<T> {
  /** Names the session. */
  readonly session: string;
  readonly lane: Lane;
  /** The outbox's own: where the message stands. */
  entry?: OutboxEntry<T> | undefined;
}

/** The messages of one session. It is there as long as it has any. */
class SessionQueue<T> {
  readonly session: string;
  size = 0;
  /** The last entry of each lane. */
  readonly tails = new TransientMap<Lane, OutboxEntry<T>>();
  /** Those that are not among the ones in the works yet, in order. */
  waiting: Set<OutboxEntry<T>> | undefined;

  constructor(session: string) {
    this.session = session;
  }
}

/** A message and where it stands in an {@link Outbox}, whose own affair that is. */
export class OutboxEntry<T> {
  readonly message: T;
  readonly queue: SessionQueue<T>;
  readonly lane: Lane;
  place: Place<OutboxEntry<T>> | undefined;
  next: OutboxEntry<T> | undefined = undefined;
  state: 'waiting' | 'queued' | 'begun' | 'gone' = 'waiting';

  constructor(message: T, queue: SessionQueue<T>, lane: Lane) {
    this.message = message;
    this.queue = queue;
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
export class Outbox<T extends Queued<T>> {
  readonly #maxQueued: number;
  readonly #begin: (message: T) => void;
  readonly #entries = new TransientSet<OutboxEntry<T>>();
  readonly #queues = new TransientMap<string, SessionQueue<T>>();

  constructor({ maxQueuedPerSession, begin }: OutboxOptions<T>) {
    this.#maxQueued = maxQueuedPerSession;
    this.#begin = begin;
  }

  /** Sessions in memory. */
  get size(): number {
    return this.#queues.size;
  }

  /** Adds a message. If its turn is now, it begins before this returns. */
  add(message: T): void {
    const queue = this.#queueOf(message.session);
    const entry = new OutboxEntry(message, queue, message.lane);
    entry.place = this.#entries.add(entry);
    message.entry = entry;
    if (++queue.size > this.#maxQueued) (queue.waiting ??= new Set()).add(entry);
    else if (enqueue(entry)) this.#begin(message);
  }

  /** Takes a message out, wherever it stands; what it held up goes on. Does nothing for one that is out already. */
  remove(message: T): void {
    const entry = message.entry;
    if (entry?.place === undefined || !this.#entries.delete(entry.place)) return;
    message.entry = undefined;
    const { state, queue } = entry;
    entry.state = 'gone';
    if (--queue.size === 0) this.#queues.delete(queue.session);
    if (state === 'waiting') queue.waiting?.delete(entry);
    else if (state === 'begun') this.#advance(entry);
    if (queue.waiting !== undefined) this.#admit(queue, queue.waiting);
  }

  /** The messages of a session, as they are now, in the order in which they came. */
  of(session: string): readonly T[] {
    return this.#queues.has(session) ? this.all().filter((message) => message.session === session) : [];
  }

  /** All messages, as they are now. */
  all(): readonly T[] {
    return this.#entries.values().map(({ message }) => message);
  }

  #queueOf(session: string): SessionQueue<T> {
    let queue = this.#queues.get(session);
    if (queue === undefined) this.#queues.set(session, (queue = new SessionQueue(session)));
    return queue;
  }

  /** Begins the next of a lane whose first is gone. */
  #advance(gone: OutboxEntry<T>): void {
    let { next } = gone;
    while (next?.state === 'gone') next = next.next;
    if (next === undefined) gone.queue.tails.delete(gone.lane);
    else this.#beginSoon(next);
  }

  #admit(queue: SessionQueue<T>, waiting: Set<OutboxEntry<T>>): void {
    for (const entry of waiting) {
      if (queue.size - waiting.size >= this.#maxQueued) return;
      waiting.delete(entry);
      if (enqueue(entry)) this.#beginSoon(entry);
    }
    queue.waiting = undefined;
  }

  /** Not from within remove(): a lane whose messages all fail at once would recurse as deep as it is long. */
  #beginSoon(entry: OutboxEntry<T>): void {
    entry.state = 'begun';
    queueMicrotask(() => {
      if (entry.state === 'begun') this.#begin(entry.message);
    });
  }
}

/** Puts an entry at the end of its lane; whether it is the first there. */
function enqueue<T>(entry: OutboxEntry<T>): boolean {
  const { tails } = entry.queue;
  const tail = tails.get(entry.lane);
  tails.set(entry.lane, entry);
  if (tail === undefined) {
    entry.state = 'begun';
    return true;
  }
  tail.next = entry;
  entry.state = 'queued';
  return false;
}
