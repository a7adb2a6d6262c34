import { setImmediate } from 'node:timers/promises';
import { isAsyncMcpError } from '@asyncmcp/core';
import { Connection } from './connection.js';
import { UsageError } from './usage-error.js';
import type { ConnectionOptions } from './connection.js';

/** A session that this client opened. */
export interface SessionRecord {
  readonly id: string;
  readonly server: string;
  /** On the clock of `performance.now()`. */
  readonly openedAt: number;
  state: 'open' | 'ended' | 'lost' | 'left';
}

export interface SessionsOptions extends Pick<ConnectionOptions, 'createTransport' | 'timeoutMs' | 'onNews' | 'ask'> {
  /** Told what went wrong beside the calls. */
  readonly onError: (error: Error) => void;
  /** Told when the session went away by itself. */
  readonly onLost: () => void;
}

/** The session that is open, and those that were. */
export class Sessions {
  readonly #options: SessionsOptions;
  readonly #records: SessionRecord[] = [];
  #connection: Connection | undefined;
  /** What goes wrong with a session that is being left is nobody's business any more. */
  #leaving = false;
  /** Resolves when what was lost is closed: a temporary queue is deleted then. */
  #lostIsClosed: Promise<void> = Promise.resolve();

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  get records(): readonly SessionRecord[] {
    return this.#records;
  }

  /** The connection, if there is one. */
  get current(): Connection | undefined {
    return this.#connection;
  }

  /** @throws UsageError when there is none */
  connection(): Connection {
    if (this.#connection === undefined) throw new UsageError('Not connected; init connects.');
    return this.#connection;
  }

  /** Opens a session. One that is open ends first. */
  async open(signal: AbortSignal): Promise<Connection> {
    if (this.#connection !== undefined) await this.#leave();
    const { onError, ...options } = this.#options;
    const made: { connection?: Connection } = {};
    const connection = await Connection.open(
      {
        ...options,
        onError: (error) => {
          if (isAsyncMcpError(error, 'ERR_SESSION_LOST')) this.#lose(made.connection, error);
          else if (this.#isWanted(made.connection)) onError(error);
        },
        onClose: () => this.#lose(made.connection),
      },
      signal,
    );
    made.connection = connection;
    this.#connection = connection;
    const id = connection.sessionId ?? 'none';
    this.#records.push({ id, server: connection.server, openedAt: performance.now(), state: 'open' });
    return connection;
  }

  /**
   * Ends the session, and resolves with its id.
   *
   * @throws UsageError when there is none, or what ending it failed with: then it is still open
   */
  async end(): Promise<string> {
    const connection = this.connection();
    const { sessionId = 'none' } = connection;
    await connection.end();
    this.#forget('ended');
    await connection.close();
    return sessionId;
  }

  /** Ends the session if it can be ended in time; in any case this client has none afterwards. */
  async leave(timeoutMs: number): Promise<void> {
    const connection = this.#connection;
    const leaving = this.#leave();
    let timer: NodeJS.Timeout | undefined;
    const timeUp = new Promise<'time up'>((resolve) => {
      timer = setTimeout(resolve, timeoutMs, 'time up');
    });
    const isLate = (await Promise.race([leaving, timeUp])) === 'time up';
    clearTimeout(timer);
    // What is not sent would be tried again for a minute, and the process would stay for that.
    if (isLate) await connection?.close();
  }

  async #leave(): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined) return this.#lostIsClosed;
    this.#leaving = true;
    try {
      await this.end();
    } catch {
      // It is left to the server, which forgets it after a while.
      this.#forget('left');
      await connection.close();
    } finally {
      this.#leaving = false;
    }
  }

  /** Whether it is being opened, or is open and to stay so; of another one nobody wants to hear. */
  #isWanted(connection: Connection | undefined): boolean {
    return connection === undefined || (connection === this.#connection && !this.#leaving);
  }

  /** The one that is open has gone, and nobody here wanted that. */
  #lose(connection: Connection | undefined, reason?: Error): void {
    if (connection === undefined || connection !== this.#connection) return;
    this.#forget('lost');
    if (!this.#leaving) this.#options.onLost();
    if (reason !== undefined) connection.fail(reason);
    // Not at once: what noticed it is still to fail, and says why.
    this.#lostIsClosed = setImmediate().then(() => connection.close());
  }

  #forget(state: SessionRecord['state']): void {
    this.#connection = undefined;
    const record = this.#records.findLast((each) => each.state === 'open');
    if (record !== undefined) record.state = state;
  }
}
