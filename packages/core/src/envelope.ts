import { randomUUID } from 'node:crypto';
import type { JSONRPCMessage, MessageExtraInfo, RequestId } from '@modelcontextprotocol/sdk/types.js';

/** Routing metadata that travels beside a JSON-RPC message, never inside it. */
export interface EnvelopeMetadata {
  /** Unique for one logical send; the same across the sender's retries and redeliveries. Deduplication keys on it. */
  readonly messageId: string;
  /** The session it belongs to; none before `initialize` is answered. */
  readonly sessionId?: string;
  /** The client it is from, or for. */
  readonly clientId?: string;
  /** The MCP version that the session speaks, once it is negotiated. */
  readonly protocolVersion?: string;
  /** The request that a progress notification, sampling request … belongs to. */
  readonly relatedRequestId?: RequestId;
  /** Where replies go: queue URL, topic ARN or webhook URL. A claim of the sender, not a fact. */
  readonly replyTo?: string;
  /** Whether it is a notification for every client that hears it, whatever its session. */
  readonly broadcast?: true;
  /**
   * Which of its session's ways a message takes, where a transport has several: over the connection or by webhook, say. The source of a
   * request sets it, and the host puts it on all that belongs to that request. It does not travel.
   */
  readonly via?: string;
  /** When it was sent, by the sender's clock; whole seconds on some wires. */
  readonly sentAt: Date;
}

/** What travels: one JSON-RPC message, untouched, and its routing metadata. */
export interface Envelope extends EnvelopeMetadata {
  /** The JSON-RPC message. */
  readonly message: JSONRPCMessage;
}

/** An envelope as it arrived: the message is still unchecked text. */
export interface InboundEnvelope extends EnvelopeMetadata {
  /** What the body is: a JSON-RPC message, or the request to end the session (its body is not looked at). */
  readonly type: 'jsonrpc' | 'terminate';
  /** The text that arrived. */
  readonly body: string;
  /** The message, where its source has parsed and checked it (`checkMessage`): the body is not read again then. */
  readonly message?: JSONRPCMessage;
  /** Its sender has not named it, and neither does the wire: a copy could not be told from it, so nothing is kept for one. */
  readonly unnamed?: true;
  /** Whether the sender is of this project: its servers echo the client id on whatever they send. */
  readonly extended: boolean;
  /** The request id as the wire's metadata gives it: lets a request whose body is unreadable still be answered. */
  readonly requestIdHint?: RequestId;
  /** Who the sender has proven to be, where it had to. A session opened by one principal serves no other. */
  readonly principal?: string;
  /** What handlers are told of the way a message came: `requestInfo`, `authInfo`. */
  readonly extra?: MessageExtraInfo;
}

/** Whom a message is from, for what belongs to somebody. */
export type Sender = Pick<InboundEnvelope, 'clientId' | 'principal'>;

/** Metadata while it is put together: members may be missing or undefined. */
export type PartialMetadata = { [K in keyof EnvelopeMetadata]?: EnvelopeMetadata[K] | undefined };

/** A new envelope around `message`, with a fresh `messageId` and the present time unless given. Undefined members are left out. */
export function createEnvelope(message: JSONRPCMessage, metadata: PartialMetadata = {}): Envelope {
  return new MessageEnvelope(message, metadata);
}

/**
 * The message as JSON, made once: it is sent, and kept for duplicates.
 *
 * @throws TypeError for what JSON cannot say: a BigInt, a circle
 */
export function messageText(envelope: Envelope): string {
  return envelope instanceof MessageEnvelope ? envelope.text : JSON.stringify(envelope.message);
}

/** Metadata alone, for what is no JSON-RPC message (ending a session). */
export function createMetadata(metadata: PartialMetadata = {}): EnvelopeMetadata {
  return new Metadata(metadata);
}

/** A class, because several are made for every message: to objects that grow by members, V8 adds room again and again. */
class Metadata implements EnvelopeMetadata {
  readonly messageId: string;
  readonly sentAt: Date;
  declare readonly sessionId?: string;
  declare readonly clientId?: string;
  declare readonly protocolVersion?: string;
  declare readonly relatedRequestId?: RequestId;
  declare readonly replyTo?: string;
  declare readonly broadcast?: true;
  declare readonly via?: string;

  constructor(metadata: PartialMetadata) {
    const { sessionId, clientId, protocolVersion, relatedRequestId, replyTo, via } = metadata;
    this.messageId = metadata.messageId ?? randomUUID();
    this.sentAt = metadata.sentAt ?? new Date();
    if (sessionId !== undefined) this.sessionId = sessionId;
    if (clientId !== undefined) this.clientId = clientId;
    if (protocolVersion !== undefined) this.protocolVersion = protocolVersion;
    if (relatedRequestId !== undefined) this.relatedRequestId = relatedRequestId;
    if (replyTo !== undefined) this.replyTo = replyTo;
    if (metadata.broadcast === true) this.broadcast = true;
    if (via !== undefined) this.via = via;
  }
}

class MessageEnvelope extends Metadata implements Envelope {
  readonly message: JSONRPCMessage;
  #text: string | undefined;

  constructor(message: JSONRPCMessage, metadata: PartialMetadata) {
    super(metadata);
    this.message = message;
  }

  get text(): string {
    return (this.#text ??= JSON.stringify(this.message));
  }
}
