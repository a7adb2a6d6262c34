import { withDeadline } from './deadline.js';
import { EndedCalls } from './ended-calls.js';
import { AsyncMcpError, toAsyncMcpError } from './errors.js';
import { isErrorResponse, isResponse } from './jsonrpc.js';
import { ServerRequests } from './server-requests.js';
import { SessionTransport } from './session-transport.js';
import { TransientMap } from './transient-map.js';
import type { Transport, TransportSendOptions } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage, MessageExtraInfo, RequestId } from '@modelcontextprotocol/sdk/types.js';
import type { Call } from './call.js';
import type { SessionRecord } from './session-store.js';

/** What the user's `createServer` is told about the session it makes a server for. */
export interface SessionInfo extends SessionRecord {
  /** True when the session was opened earlier, by another process or before it went idle, and is taken up again here. */
  readonly resumed: boolean;
}

/** The part of `McpServer` and `Server`, of either major of the SDK, that the host needs. */
export interface ServerLike {
  /** Takes part in MCP over a transport; resolves when it listens. */
  connect(transport: Transport): Promise<void>;
  /** Ends that, and closes the transport. */
  close(): Promise<void>;
}

/** Makes one MCP server object for one session. It is called again when the session is taken up in another process. */
export type CreateServer = (session: SessionInfo) => ServerLike | Promise<ServerLike>;

/** What a live session tells its host. */
export interface SessionOwner {
  onServerMessage(session: Session, message: JSONRPCMessage, options: TransportSendOptions | undefined): Promise<void>;
  /** The user's server closed the session itself. */
  onServerClosed(session: Session): void;
  /** The live server of a session was freed, or the session ended; what was under way in it may still be answered. */
  onFreed(session: Session): void;
  /** Whether somebody holds a connection open to hear what a session says by itself: then it is not idle. */
  isListening(session: Session): boolean;
}

/** What a server is asked by us. */
export interface Question {
  readonly method: string;
  readonly params: Record<string, unknown>;
  /** What handlers are told of the way it came. */
  readonly extra?: MessageExtraInfo | undefined;
}

/** A server that is not made, connected and past the replayed handshake in this time, in milliseconds, is given up. */
const OPEN_TIMEOUT_MS = 30_000;
/** A server that does not close in this time, in milliseconds, is left to itself. */
const CLOSE_TIMEOUT_MS = 5000;
/** A server that does not answer a question of ours in this time, in milliseconds, is taken to have no answer. */
const ASK_TIMEOUT_MS = 10_000;
const REPLAY_ID = 'asyncmcp-replayed-initialize';

/** A session that is live in this process: the user's server, connected, and what is under way in it. */
export class Session {
  record: SessionRecord;
  /** Calls of the client that are not answered yet. (To a Map, the ids 1 and '1' are two, as they are to JSON-RPC.) */
  readonly calls = new TransientMap<RequestId, Call>();
  /** What became of the client's latest calls, and cancellations that came before their call. */
  readonly endedCalls = new EndedCalls();
  readonly serverRequests: ServerRequests;
  readonly transport: SessionTransport;
  /** Milliseconds since the epoch. */
  lastActiveAt = Date.now();
  /** Whether it was removed: whatever is still under way must not put it back on record. */
  ended = false;
  /** The last writing of the record, done or not. */
  committing: Promise<void> | undefined;
  /** When the store last confirmed the session, in milliseconds since the epoch. */
  confirmedAt = Date.now();
  #server: ServerLike | undefined;
  #closing = false;
  /** Requests of ours to the server, whose answers are not the client's. */
  readonly #asked = new Map<RequestId, (response: JSONRPCMessage) => void>();
  #questions = 0;

  constructor(record: SessionRecord, replicaId: string, owner: SessionOwner) {
    this.record = record;
    this.serverRequests = new ServerRequests(replicaId);
    this.transport = new SessionTransport(record.id, {
      onServerMessage: (message, options) => {
        const asked = this.#asked.size === 0 ? undefined : this.#takeAnswer(message);
        return asked ?? owner.onServerMessage(this, message, options);
      },
      onServerClosed: () => {
        this.serverRequests.clear();
        if (!this.#closing) owner.onServerClosed(this);
      },
    });
  }

  get id(): string {
    return this.record.id;
  }

  /** Whether nothing is under way, so that the live server may be freed. */
  get idle(): boolean {
    return this.calls.size === 0 && this.serverRequests.size === 0;
  }

  /** Makes the user's server and connects it. Rejects with `ERR_CREATE_SERVER`, also when the signal aborts. */
  async open(createServer: CreateServer, resumed: boolean, signal: AbortSignal): Promise<void> {
    const opening = this.#open(createServer, resumed);
    try {
      const what = `Making the server of session ${this.id}`;
      // If it gets there after all, nobody wants it any more.
      await withDeadline(opening, { timeoutMs: OPEN_TIMEOUT_MS, signal, what, onLate: () => void this.close() });
    } catch (error) {
      await this.close();
      throw toAsyncMcpError(error, 'ERR_CREATE_SERVER', `The server for session ${this.id} could not be made`);
    }
  }

  async #open(createServer: CreateServer, resumed: boolean): Promise<void> {
    this.#server = await createServer({ ...this.record, resumed });
    await this.#server.connect(this.transport);
    if (!this.transport.connected) throw new Error('the server did not start the transport it was connected to');
    if (resumed) await this.#replayHandshake();
  }

  /** Closes the live server. The record is not touched. Resolves with what failed, if anything did; never rejects. */
  async close(): Promise<Error | undefined> {
    this.#closing = true;
    try {
      const closing = Promise.resolve(this.#server?.close());
      await withDeadline(closing, { timeoutMs: CLOSE_TIMEOUT_MS, what: `Closing the server of session ${this.id}` });
      return undefined;
    } catch (error) {
      return toAsyncMcpError(error, 'ERR_INTERNAL', `The server of session ${this.id} failed to close`);
    } finally {
      await this.transport.close();
    }
  }

  /** Tells a fresh server what its predecessor was told, and keeps its answer from the client, who has had it. */
  async #replayHandshake(): Promise<void> {
    const response = await this.#replayInitialize();
    if (isErrorResponse(response)) {
      throw new AsyncMcpError(
        'ERR_CREATE_SERVER',
        `The server refused the recorded initialize: ${response.error.message}`,
      );
    }
    if (this.record.initialized) {
      this.transport.deliver({ jsonrpc: '2.0', method: 'notifications/initialized' });
    }
  }

  /**
   * Asks the server something itself, as its client would; the client hears nothing of it.
   *
   * @throws when there is no answer in ten seconds, or the signal aborts
   */
  async ask(question: Question, signal: AbortSignal): Promise<JSONRPCMessage> {
    const id = `asyncmcp-asks-${this.#questions++}`;
    try {
      const answer = this.#askAs(id, question);
      const what = `Asking a server ${question.method}`;
      return await withDeadline(answer, { timeoutMs: ASK_TIMEOUT_MS, signal, what });
    } finally {
      this.#asked.delete(id);
    }
  }

  async #replayInitialize(): Promise<JSONRPCMessage> {
    return this.#askAs(REPLAY_ID, { method: 'initialize', params: this.record.initializeParams });
  }

  #askAs(id: string, { method, params, extra }: Question): Promise<JSONRPCMessage> {
    return new Promise((resolve) => {
      this.#asked.set(id, resolve);
      this.transport.deliver({ jsonrpc: '2.0', id, method, params }, extra);
    });
  }

  /** Undefined for what is the client's. */
  #takeAnswer(message: JSONRPCMessage): Promise<void> | undefined {
    const id = isResponse(message) ? message.id : undefined;
    const resolve = id === undefined ? undefined : this.#asked.get(id);
    if (id === undefined || resolve === undefined) return undefined;
    this.#asked.delete(id);
    resolve(message);
    return Promise.resolve();
  }
}
