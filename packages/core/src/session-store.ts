import type { InitializeRequest } from '@modelcontextprotocol/sdk/types.js';

/** All that is needed to serve a session again in another process. Plain JSON: it survives `JSON.stringify`. */
export interface SessionRecord {
  /** The session's id, made by the server: unguessable. */
  readonly id: string;
  /** The client that opened the session; only its messages are accepted. */
  readonly clientId?: string;
  /** Who that client has proven to be, where it had to; only messages of the same principal are accepted. */
  readonly principal?: string;
  /** Where the session's replies go: queue URL, topic ARN or webhook URL. */
  readonly replyTo: string;
  /** The version negotiated by `initialize`. */
  readonly protocolVersion?: string;
  /** What the client sent with `initialize`; replayed to a server object made later for the same session. */
  readonly initializeParams: InitializeRequest['params'];
  /** Whether the client has sent `notifications/initialized`. */
  readonly initialized: boolean;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** Milliseconds since the epoch. */
  readonly lastSeenAt: number;
}

/**
 * Where session records live. Implement it on Redis, DynamoDB … to let several processes serve the same sessions.
 * A store rejects when it cannot be reached; the host then gives the message back to its queue.
 */
export interface SessionStore {
  /** The record, or undefined when there is none or it has expired. */
  get(id: string): Promise<SessionRecord | undefined>;
  /** Writes a record, new or not; it expires `ttlMs` milliseconds from now. */
  put(record: SessionRecord, ttlMs: number): Promise<void>;
  /** Removes a record; not an error when there is none. Resolves with whether there was one. */
  delete(id: string): Promise<boolean>;
  /**
   * Sets `lastSeenAt` (milliseconds since the epoch) and makes the record expire `ttlMs` milliseconds from now.
   * Resolves with false, and writes nothing, when there is no such record: the session has ended.
   */
  touch(id: string, lastSeenAt: number, ttlMs: number): Promise<boolean>;
}

/**
 * The default store: this process's memory. Sessions end with the process, so calls it had not answered are answered by
 * the next process with a session-not-found error.
 */
export class MemorySessionStore implements SessionStore {
  readonly #entries = new Map<string, { record: SessionRecord; expiresAt: number }>();

  /** Records now kept, including some that have expired but were not dropped yet. */
  get size(): number {
    return this.#entries.size;
  }

  async get(id: string): Promise<SessionRecord | undefined> {
    return structuredClone(this.#live(id)?.record);
  }

  async put(record: SessionRecord, ttlMs: number): Promise<void> {
    // A copy, as any other store makes one: what the caller changes later is not on record.
    this.#write(structuredClone(record), ttlMs);
    this.#dropExpired();
  }

  async delete(id: string): Promise<boolean> {
    const existed = this.#live(id) !== undefined;
    this.#entries.delete(id);
    return existed;
  }

  async touch(id: string, lastSeenAt: number, ttlMs: number): Promise<boolean> {
    const entry = this.#live(id);
    if (entry === undefined) return false;
    this.#write({ ...entry.record, lastSeenAt }, ttlMs);
    return true;
  }

  #live(id: string): { record: SessionRecord; expiresAt: number } | undefined {
    const entry = this.#entries.get(id);
    return entry !== undefined && entry.expiresAt > Date.now() ? entry : undefined;
  }

  #write(record: SessionRecord, ttlMs: number): void {
    this.#entries.delete(record.id);
    this.#entries.set(record.id, { record, expiresAt: Date.now() + ttlMs });
  }

  /** The least recently written come first, so with one time to live for all this stops at the first live one. */
  #dropExpired(): void {
    for (const [id, entry] of this.#entries) {
      if (entry.expiresAt > Date.now()) return;
      this.#entries.delete(id);
    }
  }
}
