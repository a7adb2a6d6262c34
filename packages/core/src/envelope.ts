import { randomUUID } from 'node:crypto';
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js';

/** Routing metadata that travels beside a JSON-RPC message, never inside it. */
export interface EnvelopeMetadata {
  /** Unique for one logical send; the same across the sender's retries and redeliveries. Deduplication keys on it. */
  readonly messageId: string;
  readonly sessionId?: string;
  readonly clientId?: string;
  readonly protocolVersion?: string;
  /** The request that a progress notification, sampling request … belongs to. */
  readonly relatedRequestId?: RequestId;
  /** Where replies go: queue URL, topic ARN or webhook URL. A claim of the sender, not a fact. */
  readonly replyTo?: string;
  readonly sentAt: Date;
}

/** What travels: one JSON-RPC message, untouched, and its routing metadata. */
export interface Envelope extends EnvelopeMetadata {
  readonly message: JSONRPCMessage;
}

/** An envelope as it arrived: the message is still unchecked text. */
export interface InboundEnvelope extends EnvelopeMetadata {
  /** What the body is: a JSON-RPC message, or the request to end the session (its body is not looked at). */
  readonly type: 'jsonrpc' | 'terminate';
  readonly body: string;
  /** Whether the sender is of this project: its servers echo the client id on whatever they send. */
  readonly extended: boolean;
  /** The request id as the wire's metadata gives it: lets a request whose body is unreadable still be answered. */
  readonly requestIdHint?: RequestId;
}

/** A new envelope around `message`, with a fresh `messageId` and the present time unless given. Undefined members are left out. */
export function createEnvelope(
  message: JSONRPCMessage,
  metadata: { [K in keyof EnvelopeMetadata]?: EnvelopeMetadata[K] | undefined } = {},
): Envelope {
  return { message, ...createMetadata(metadata) };
}

/** Metadata alone, for what is no JSON-RPC message (ending a session). */
export function createMetadata(
  metadata: { [K in keyof EnvelopeMetadata]?: EnvelopeMetadata[K] | undefined } = {},
): EnvelopeMetadata {
  const { sessionId, clientId, protocolVersion, relatedRequestId, replyTo } = metadata;
  // Made for every message: adding members is several times as fast as spreading them.
  const created: { -readonly [K in keyof EnvelopeMetadata]: EnvelopeMetadata[K] } = {
    messageId: metadata.messageId ?? randomUUID(),
    sentAt: metadata.sentAt ?? new Date(),
  };
  if (sessionId !== undefined) created.sessionId = sessionId;
  if (clientId !== undefined) created.clientId = clientId;
  if (protocolVersion !== undefined) created.protocolVersion = protocolVersion;
  if (relatedRequestId !== undefined) created.relatedRequestId = relatedRequestId;
  if (replyTo !== undefined) created.replyTo = replyTo;
  return created;
}
