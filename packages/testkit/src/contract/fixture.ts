import type {
  AsyncMcpError,
  AsyncMcpErrorCode,
  ClientTransport,
  InboundEnvelope,
  ServerOptions,
  Sessions,
} from '@asyncmcp/core';
import type { RequestId } from '@modelcontextprotocol/sdk/types.js';

/** A transport's server, as the contract sees it. */
export interface ContractServer {
  onerror?: ((error: AsyncMcpError) => void) | undefined;
  readonly sessions: Sessions;
  start(): Promise<void>;
  close(): Promise<void>;
}

/** A message as a party without the SDK puts it on the wire. What is left out is not on the wire either. */
export interface RawMessage {
  /** The text of the message, which need not be a JSON-RPC message. */
  readonly body: string;
  /** `terminate` asks the server to end the session. Default: `jsonrpc`. */
  readonly type?: InboundEnvelope['type'];
  /** Default: as a peer that does not know message ids sends it; then the wire's own id of the message serves. */
  readonly messageId?: string;
  readonly sessionId?: string;
  readonly clientId?: string;
  readonly protocolVersion?: string;
  /** Where this single message wants to be answered. */
  readonly replyTo?: string;
  /** The request id, beside the body. */
  readonly requestId?: RequestId;
}

/** What a transport brings for a party on its wire that is not the SDK: a way out, a reply address, a way in. */
export interface PeerWire {
  readonly clientId: string;
  /** Where replies reach this party. */
  readonly address: string;
  /** What `initialize` says in `params._meta` so that the session's replies go to an address. */
  initializeMeta(address: string): Readonly<Record<string, unknown>>;
  send(message: RawMessage): Promise<void>;
  /** After it, the address is gone: what is sent there fails. Called once. */
  close(): Promise<void>;
}

/** Something the server could never handle, and why where the wire can say it. */
export interface ContractDeadLetter {
  readonly body: string;
  readonly reason?: string | undefined;
}

/** How the sender of a bad message, or the operator where nobody can be answered, learns that it was refused. */
export interface Refusal {
  /** `reply`: a JSON-RPC error reaches the sender. `dead-letter`: the message is kept, with the reason. */
  readonly by: 'reply' | 'dead-letter';
  /** The JSON-RPC error code. */
  readonly code: number;
  /** `error.data.code`, which is also the code of the error that the server reports. */
  readonly dataCode: AsyncMcpErrorCode;
  /** The id of the reply; undefined where the request's id cannot be told. */
  readonly id?: RequestId | undefined;
  /** What the error's message says. */
  readonly says: RegExp;
}

/**
 * One transport on a wire of its own: what the contract needs to try it. Nothing that another fixture does may be seen
 * here, and after `close()` nothing is left.
 */
export interface ContractFixture {
  /** Makes a server on this wire and starts it. A second one competes with the first for the same requests. */
  startServer(options: ServerOptions): Promise<ContractServer>;
  /** Makes a client transport on this wire; not started. */
  createClientTransport(options?: { readonly clientId?: string }): ClientTransport;
  /** Makes a party without the SDK. `onMessage` is called with everything that reaches its address. */
  createPeer(onMessage: (envelope: InboundEnvelope) => void): Promise<PeerWire>;
  /** Puts a message where a client transport, which is started, receives its replies. */
  sendToClient(transport: ClientTransport, message: RawMessage): Promise<void>;
  /** Everything that was dead-lettered so far, in any order. */
  deadLetters(): Promise<readonly ContractDeadLetter[]>;
  /** The next `count` messages to the server arrive twice. */
  duplicateRequests(count: number): void;
  /** The next `count` messages to clients and peers arrive twice. */
  duplicateReplies(count: number): void;
  /** The next `count` messages to clients and peers cannot be sent, in a way that may pass. */
  failReplies(count: number): void;
  /** An address that the servers' policy refuses to send to. */
  readonly refusedAddress: string;
  /** The largest message, metadata included, that the wire takes, in bytes. */
  readonly maxMessageBytes: number;
  /** Where a wire can answer, or cannot, other than a queue: HTTP answers what a queue dead-letters. Default: as given. */
  refusal?(expected: Refusal, caseName: string): Refusal;
  /** How long a case waits for what must happen, in milliseconds. Default 10,000. */
  readonly patienceMs?: number | undefined;
  close(): Promise<void>;
}
