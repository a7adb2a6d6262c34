import type { RequestId } from '@modelcontextprotocol/sdk/types.js';

/** What keeps its order: one request of a session, or, with undefined, all that belongs to none. */
export type Lane = RequestId | undefined;

/** A message in an {@link Outbox}. */
export interface Queued {
  /** Names the session. */
  readonly session: string;
  readonly lane: Lane;
}

/** A message and where it stands. */
interface Entry<T> {
  readonly message: T;
  next: Entry<T> | undefined;
  state: 'waiting' | 'queued' | 'begun' | 'gone';
}

interface Session<T> {
  readonly entries: Map<T, Entry<T>>;
  /** Those that are not among the ones in the works yet, in order. */
  readonly waiting: Set<Entry<T>>;
  /** The last entry of each lane. */
  readonly tails: Map<Lane, Entry<T>>;
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
  readonly #sessions = new Map<string, Session<T>>();

  constructor({ maxQueuedPerSession, begin }: OutboxOptions<T>) {
    this.#maxQueued = maxQueuedPerSession;
    this.#begin = begin;
  }

  /** Sessions in memory. */
  get size(): number {
    return this.#sessions.size;
  }

  /** Adds a message. If its turn is now, it begins before this returns. */
  add(message: T): void {
    let session = this.#sessions.get(message.session);
    if (session === undefined) {
      session = { entries: new Map(), waiting: new Set(), tails: new Map() };
      this.#sessions.set(message.session, session);
    }
    const entry: Entry<T> = { message, next: undefined, state: 'waiting' };
    session.entries.set(message, entry);
    if (session.entries.size > this.#maxQueued) session.waiting.add(entry);
    else if (enqueue(session, entry)) this.#begin(message);
  }

  /** Takes a message out, wherever it stands; what it held up goes on. Does nothing for one that is out already. */
  remove(message: T): void {
    const session = this.#sessions.get(message.session);
    const entry = session?.entries.get(message);
    if (session === undefined || entry === undefined) return;
    session.entries.delete(message);
    const { state } = entry;
    entry.state = 'gone';
    if (state === 'waiting') session.waiting.delete(entry);
    else if (state === 'begun') this.#advance(session, entry);
    this.#admit(session);
    if (session.entries.size === 0) this.#sessions.delete(message.session);
  }

  /** The messages of a session, as they are now, in the order in which they came. */
  of(session: string): readonly T[] {
    return [...(this.#sessions.get(session)?.entries.keys() ?? [])];
  }

  /** All messages, as they are now. */
  all(): readonly T[] {
    return [...this.#sessions.keys()].flatMap((session) => this.of(session));
  }

  /** Begins the next of a lane whose first is gone. */
  #advance(session: Session<T>, gone: Entry<T>): void {
    let { next } = gone;
    while (next?.state === 'gone') next = next.next;
    if (next === undefined) session.tails.delete(gone.message.lane);
    else this.#beginSoon(next);
  }

  #admit(session: Session<T>): void {
    for (const entry of session.waiting) {
      if (session.entries.size - session.waiting.size >= this.#maxQueued) return;
      session.waiting.delete(entry);
      if (enqueue(session, entry)) this.#beginSoon(entry);
    }
  }

  /** Not from within remove(): a lane whose messages all fail at once would recurse as deep as it is long. */
  #beginSoon(entry: Entry<T>): void {
    entry.state = 'begun';
    queueMicrotask(() => {
      if (entry.state === 'begun') this.#begin(entry.message);
    });
  }
}

/** Puts an entry at the end of its lane; whether it is the first there. */
function enqueue<T extends Queued>({ tails }: Session<T>, entry: Entry<T>): boolean {
  const { lane } = entry.message;
  const tail = tails.get(lane);
  tails.set(lane, entry);
  if (tail === undefined) {
    entry.state = 'begun';
    return true;
  }
  tail.next = entry;
  entry.state = 'queued';
  return false;
}
