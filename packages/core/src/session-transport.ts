import { AsyncMcpError } from './errors.js';
import type { Transport, TransportSendOptions } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage, MessageExtraInfo } from '@modelcontextprotocol/sdk/types.js';

/** What a session's transport tells its owner. */
export interface SessionTransportOwner {
  /** A message of the user's server for its client. Rejects when it could not be handed over. */
  onServerMessage(message: JSONRPCMessage, options: TransportSendOptions | undefined): Promise<void>;
  /** The transport was closed, by the user's server or by the owner. */
  onServerClosed(): void;
}

/** The transport that the user's server object of one session is connected to. */
export class SessionTransport implements Transport {
  readonly sessionId: string;
  onclose?: (() => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  onmessage?: (<T extends JSONRPCMessage>(message: T, extra?: MessageExtraInfo) => void) | undefined;
  readonly #owner: SessionTransportOwner;
  #state: 'new' | 'started' | 'closed' = 'new';

  constructor(sessionId: string, owner: SessionTransportOwner) {
    this.sessionId = sessionId;
    this.#owner = owner;
  }

  /** Whether a server is connected and listening. */
  get connected(): boolean {
    return this.#state === 'started' && this.onmessage !== undefined;
  }

  async start(): Promise<void> {
    if (this.#state !== 'new') {
      throw new AsyncMcpError(
        'ERR_ALREADY_STARTED',
        'A session transport starts once; createServer makes one server per session.',
      );
    }
    this.#state = 'started';
  }

  send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    if (this.#state !== 'closed') return this.#owner.onServerMessage(message, options);
    const text = `Session ${this.sessionId} has ended here; nothing can be sent any more.`;
    return Promise.reject(new AsyncMcpError('ERR_CLOSED', text));
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#owner.onServerClosed();
    this.onclose?.();
  }

  /** Hands a client's message to the server. */
  deliver(message: JSONRPCMessage, extra?: MessageExtraInfo): void {
    this.onmessage?.(message, extra);
  }
}
