import { randomBytes, randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { askStore } from './ask-store.js';
import { AsyncMcpError, toAsyncMcpError } from './errors.js';
import { Session } from './session.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { Sender } from './envelope.js';
import type { Logger } from './logger.js';
import type { CreateServer, Question, SessionOwner } from './session.js';
import type { SessionRecord, SessionStore } from './session-store.js';

/** A live session, as `server.sessions.list()` shows it. */
export interface SessionSummary {
  /** The session's id. */
  readonly id: string;
  /** The client that opened it, where it has named itself. */
  readonly clientId?: string;
  /** Where its replies go: queue URL, topic ARN or webhook URL. */
  readonly replyTo: string;
  /** The version negotiated by `initialize`, once it is. */
  readonly protocolVersion?: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** Milliseconds since the epoch. */
  readonly lastSeenAt: number;
  /** Requests of the client that are not answered yet. */
  readonly callsInFlight: number;
}

/** What a server object shows of its sessions. */
export interface Sessions {
  /** The sessions that are live in this process; a session may also be on record only. */
  list(): SessionSummary[];
  /**
   * Ends a session, live or on record: its calls are answered with an error, its record is deleted.
   * Resolves with whether there was such a session.
   *
   * @throws AsyncMcpError `ERR_SESSION_STORE`: the live server was freed all the same, the record may be there still
   */
  terminate(id: string): Promise<boolean>;
}

export interface SessionRegistryOptions {
  readonly store: SessionStore;
  readonly createServer: CreateServer;
  readonly owner: SessionOwner;
  readonly logger: Logger;
  readonly maxSessions: number;
  readonly idleTimeoutMs: number;
  readonly ttlMs: number;
}

/** How long a live session is served without asking the store whether it still exists, in milliseconds, at the most. */
const MAX_CONFIRM_INTERVAL_MS = 1000;
/** And as a part of the time it lives unheard of: asking also renews that. */
const CONFIRM_INTERVAL_OF_TTL = 1 / 4;
/** How often idle sessions are looked for, at the most, in milliseconds. */
const MAX_SWEEP_INTERVAL_MS = 60_000;

/** The sessions a host knows: live ones in this process, recorded ones in the store. */
export class SessionRegistry {
  readonly #options: SessionRegistryOptions;
  readonly #replicaId = randomBytes(6).toString('hex');
  readonly #live = new Map<string, Session>();
  readonly #resuming = new Map<string, Promise<Session>>();
  /** Sessions that are being removed: not to be taken up again from a record that is about to go. */
  readonly #ending = new Set<string>();
  readonly #abort = new AbortController();
  #sweeper: NodeJS.Timeout | undefined;
  #opened = 0;
  #opening = 0;

  constructor(options: SessionRegistryOptions) {
    this.#options = options;
    // Everything that waits for the store or for a server listens to it.
    setMaxListeners(0, this.#abort.signal);
  }

  list(): SessionSummary[] {
    return [...this.#live.values()].map(({ record, calls, lastActiveAt }) => ({
      id: record.id,
      replyTo: record.replyTo,
      createdAt: record.createdAt,
      lastSeenAt: lastActiveAt,
      callsInFlight: calls.size,
      ...(record.clientId !== undefined && { clientId: record.clientId }),
      ...(record.protocolVersion !== undefined && { protocolVersion: record.protocolVersion }),
    }));
  }

  get live(): Session[] {
    return [...this.#live.values()];
  }

  liveOf(id: string): Session | undefined {
    return this.#live.get(id);
  }

  /** Begins to free idle sessions. */
  start(): void {
    const interval = Math.min(MAX_SWEEP_INTERVAL_MS, Math.max(10, this.#options.idleTimeoutMs / 2));
    this.#sweeper = setInterval(() => void this.#freeIdle(), interval);
    this.#sweeper.unref();
  }

  /**
   * Makes a new session, live but not yet on record: {@link commit} puts it there once `initialize` has succeeded.
   *
   * @throws AsyncMcpError `ERR_SESSION_LIMIT`, `ERR_CREATE_SERVER`
   */
  async create(
    opening: Pick<SessionRecord, 'clientId' | 'principal' | 'replyTo' | 'initializeParams'>,
  ): Promise<Session> {
    const now = Date.now();
    const record = { ...opening, id: randomUUID(), initialized: false, createdAt: now, lastSeenAt: now };
    return this.#open(record, false);
  }

  /** Puts a new session on record. From here on every replica can serve it. */
  commit(session: Session, change: Partial<SessionRecord>): Promise<void> {
    session.committing = this.#commit(session, change);
    return session.committing;
  }

  async #commit(session: Session, change: Partial<SessionRecord>): Promise<void> {
    if (session.ended) return;
    session.record = { ...session.record, ...change, lastSeenAt: Date.now() };
    await this.#ask(() => this.#options.store.put(session.record, this.#options.ttlMs));
    session.confirmedAt = Date.now();
  }

  /** Changes the record of a session, unless another replica has ended it: that would bring it back. */
  async update(session: Session, change: Partial<SessionRecord>): Promise<void> {
    session.confirmedAt = 0;
    if (await this.#confirm(session)) await this.commit(session, change);
  }

  /**
   * The session with this id, taken up from its record if it is not live here; undefined when there is none, or when it
   * belongs to another client.
   *
   * @throws AsyncMcpError `ERR_SESSION_STORE`, `ERR_SESSION_LIMIT`, `ERR_CREATE_SERVER`
   */
  async find(id: string, sender: Sender): Promise<Session | undefined> {
    const session = this.#connected(id) ?? (await this.#resume(id, sender));
    if (session === undefined || !belongsTo(session.record, sender)) return undefined;
    session.lastActiveAt = Date.now();
    if (!(await this.#confirm(session)) || this.#ending.has(id)) return undefined;
    // Freed or ended while the store was asked: its server no longer answers.
    return this.#connected(id) === session ? session : this.find(id, sender);
  }

  /** The live session with this id, unless its server has closed itself and is only not removed yet. */
  #connected(id: string): Session | undefined {
    const session = this.#live.get(id);
    return session?.transport.connected === true ? session : undefined;
  }

  /** As {@link find}, for a session that is live here and was confirmed of late; undefined where find() must be asked. */
  findAtOnce(id: string, sender: Sender): Session | undefined {
    const session = this.#connected(id);
    const now = Date.now();
    if (session === undefined || this.#ending.has(id) || this.#mustConfirm(session, now)) return undefined;
    if (!belongsTo(session.record, sender)) return undefined;
    session.lastActiveAt = now;
    return session;
  }

  /** The record of a session of this sender, without making a server for it. */
  async record(id: string, sender: Sender): Promise<SessionRecord | undefined> {
    const record = await this.recordOf(id);
    return record !== undefined && belongsTo(record, sender) ? record : undefined;
  }

  /** The record of a session, whosever it is. */
  async recordOf(id: string): Promise<SessionRecord | undefined> {
    return this.#live.get(id)?.record ?? (await this.#ask(() => this.#options.store.get(id)));
  }

  /** Removes a session and its record. The caller answers its calls. Resolves with whether there was a record. */
  async remove(id: string): Promise<boolean> {
    const session = this.#live.get(id);
    if (session !== undefined) session.ended = true;
    this.#ending.add(id);
    try {
      // A record that is being written now must not come after its deletion.
      await session?.committing?.catch(() => {});
      const existed = await this.#ask(() => this.#options.store.delete(id));
      return existed || session !== undefined;
    } finally {
      // Whatever the store says: the server may be gone already.
      if (session !== undefined) await this.release(session);
      this.#ending.delete(id);
    }
  }

  /** Frees the live server of a session. The record stays. */
  async release(session: Session): Promise<void> {
    if (this.#live.get(session.id) === session) this.#live.delete(session.id);
    const failure = await session.close();
    if (failure !== undefined) this.#options.logger.warn({ sessionId: session.id, err: failure }, failure.message);
    this.#options.owner.onFreed(session);
  }

  /**
   * Asks a live session's server something itself.
   *
   * @throws AsyncMcpError `ERR_UNAVAILABLE`
   */
  async ask(session: Session, question: Question): Promise<JSONRPCMessage> {
    try {
      return await session.ask(question, this.#abort.signal);
    } catch (error) {
      const text = `The server of session ${session.id} did not answer ${question.method}`;
      throw toAsyncMcpError(error, 'ERR_UNAVAILABLE', text);
    }
  }

  /** Whether the live server may be freed. */
  #isIdle(session: Session): boolean {
    return session.idle && !this.#options.owner.isListening(session);
  }

  /** Frees all live servers. The records stay, for another process to take up. */
  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    this.#abort.abort(new AsyncMcpError('ERR_CLOSED', 'The server is closed.'));
    await Promise.allSettled(this.#resuming.values());
    await Promise.all(this.live.map((session) => this.release(session)));
  }

  async #open(record: SessionRecord, resumed: boolean): Promise<Session> {
    const { maxSessions, createServer, owner } = this.#options;
    // A session on record that is heard of takes the place of one that is idle: that one only loses its live server.
    while (resumed && this.#full && (await this.#freeLeastRecentlyActive()));
    if (this.#full) {
      const text = `This server holds ${maxSessions} sessions, the most it may. Try again later.`;
      throw new AsyncMcpError('ERR_SESSION_LIMIT', text, { details: { maxSessions } });
    }
    this.#opening++;
    try {
      const session = new Session(record, `${this.#replicaId}${this.#nextSuffix()}`, owner);
      await session.open(createServer, resumed, this.#abort.signal);
      if (this.#abort.signal.aborted) {
        await session.close();
        throw new AsyncMcpError('ERR_CLOSED', 'The server closed while the session was being opened.');
      }
      this.#live.set(record.id, session);
      return session;
    } finally {
      this.#opening--;
    }
  }

  get #full(): boolean {
    return this.#live.size + this.#opening >= this.#options.maxSessions;
  }

  /** Resolves with whether there was an idle session to free. */
  async #freeLeastRecentlyActive(): Promise<boolean> {
    const idle = this.live.filter((session) => this.#isIdle(session));
    const [first] = idle.toSorted((a, b) => a.lastActiveAt - b.lastActiveAt);
    if (first !== undefined) await this.release(first);
    return first !== undefined;
  }

  /** Four hexadecimal digits; with the process's twelve they name one live server object. */
  #nextSuffix(): string {
    return (this.#opened++ % 0x10000).toString(16).padStart(4, '0');
  }

  /** Takes a session up from its record, if it is this sender's. */
  async #resume(id: string, sender: Sender): Promise<Session | undefined> {
    const record = await this.#ask(() => this.#options.store.get(id));
    if (record === undefined || !belongsTo(record, sender) || this.#ending.has(id)) return undefined;
    return this.#connected(id) ?? this.#resuming.get(id) ?? this.#resumeOnce(record);
  }

  /** Once, however many of the session's messages wait for it. */
  async #resumeOnce(record: SessionRecord): Promise<Session> {
    const opening = this.#open(record, true);
    this.#resuming.set(record.id, opening);
    try {
      const session = await opening;
      // Not confirmed: being heard of is to renew the record, and it may have been ended meanwhile.
      session.confirmedAt = 0;
      this.#options.logger.info({ sessionId: record.id }, 'session taken up from its record');
      return session;
    } finally {
      this.#resuming.delete(record.id);
    }
  }

  #mustConfirm(session: Session, now: number): boolean {
    const interval = Math.min(MAX_CONFIRM_INTERVAL_MS, this.#options.ttlMs * CONFIRM_INTERVAL_OF_TTL);
    return now - session.confirmedAt >= interval;
  }

  /** Whether the store still has the session; another replica may have ended it. A session not on record yet is new. */
  async #confirm(session: Session): Promise<boolean> {
    const { store, ttlMs } = this.#options;
    const now = Date.now();
    if (!this.#mustConfirm(session, now)) return true;
    session.confirmedAt = now;
    if (await this.#ask(() => store.touch(session.id, now, ttlMs))) return true;
    this.#options.logger.info({ sessionId: session.id }, 'session was ended elsewhere or has expired');
    this.#options.owner.onServerClosed(session);
    return false;
  }

  async #freeIdle(): Promise<void> {
    const before = Date.now() - this.#options.idleTimeoutMs;
    for (const session of this.live) {
      if (session.lastActiveAt > before || !this.#isIdle(session)) continue;
      this.#options.logger.debug({ sessionId: session.id }, 'idle session freed; its record stays');
      await this.release(session);
    }
  }

  #ask<T>(question: () => Promise<T>): Promise<T> {
    return askStore(question, {
      code: 'ERR_SESSION_STORE',
      what: 'The session store failed',
      signal: this.#abort.signal,
    });
  }
}

/**
 * A session that names a client accepts that client only; leaving the client id out is no way in. Nor is another principal's
 * token, or one where the session was opened without.
 */
function belongsTo(record: SessionRecord, { clientId, principal }: Sender): boolean {
  return (record.clientId === undefined || record.clientId === clientId) && record.principal === principal;
}
