import type { RequestId } from '@modelcontextprotocol/sdk/types.js';
import { createMetadata } from './envelope.js';
import { isNotification, isRecord, isRequest, isRequestId } from './jsonrpc.js';
import type { Envelope, EnvelopeMetadata, InboundEnvelope } from './envelope.js';

/** An attribute beside a message, as the APIs of SQS and SNS both take it. */
export interface WireAttribute {
  /** AWS's name of its type. */
  readonly DataType: 'String' | 'Number';
  /** Its value; numbers, too, are text. */
  readonly StringValue: string;
}

/**
 * The attributes beside a message. Names and meaning are those of the Python package asyncmcp; everything of our own is in
 * the one attribute `AsyncMcp`.
 */
export type WireAttributes = Record<string, WireAttribute>;

/** The values of the attributes that a message came with, as far as they mean something. */
export interface ReceivedAttributes {
  /** `terminate` asks for the end of the session; anything else is a JSON-RPC message. */
  readonly MessageType?: string | undefined;
  /** When it was sent, in seconds since the epoch. */
  readonly Timestamp?: string | undefined;
  /** The id of the request, as text. */
  readonly RequestId?: string | undefined;
  /** The session it belongs to. */
  readonly SessionId?: string | undefined;
  /** The client it is from, or for. */
  readonly ClientId?: string | undefined;
  /** The MCP version of the session. */
  readonly ProtocolVersion?: string | undefined;
  /** What this project adds, as JSON: message id, reply address, related request, broadcast. */
  readonly AsyncMcp?: string | undefined;
}

/** Longest id, method or address taken from a stranger's metadata, in characters. Longer values are treated as absent. */
const MAX_METADATA_LENGTH = 2048;

/** The version of the `AsyncMcp` attribute that this package writes. It reads any version with the members it knows. */
const EXTENSION_VERSION = 1;

/** The attributes that carry `envelope`'s metadata. */
export function encodeEnvelope(envelope: Envelope): WireAttributes {
  const { message } = envelope;
  const attributes = encodeMetadata(envelope, 'jsonrpc');
  if (isRequest(message)) addText(attributes, 'RequestId', String(message.id));
  if (isRequest(message) || isNotification(message)) addText(attributes, 'Method', message.method);
  return attributes;
}

/** The attributes that ask the server to end the session of `metadata`. The body to send with them is `{}`. */
export function encodeTermination(metadata: EnvelopeMetadata): WireAttributes {
  return encodeMetadata(metadata, 'terminate');
}

// Every message passes here twice on its way: members are added one by one, which is several times as fast as spreading.
function encodeMetadata(metadata: EnvelopeMetadata, type: InboundEnvelope['type']): WireAttributes {
  const { messageId, sessionId, clientId, protocolVersion, replyTo, relatedRequestId, sentAt, broadcast } = metadata;
  // A stranger chose the related id: a longer one would make the whole attribute too long to be read.
  const related = fitsRelated(relatedRequestId) ? relatedRequestId : undefined;
  const attributes: WireAttributes = {
    MessageType: { DataType: 'String', StringValue: type },
    Timestamp: { DataType: 'Number', StringValue: String(Math.floor(sentAt.getTime() / 1000)) },
  };
  addText(attributes, 'SessionId', sessionId);
  addText(attributes, 'ClientId', clientId);
  addText(attributes, 'ProtocolVersion', protocolVersion);
  // JSON leaves out what is undefined.
  const extension = JSON.stringify({ v: EXTENSION_VERSION, id: messageId, replyTo, related, broadcast });
  attributes['AsyncMcp'] = { DataType: 'String', StringValue: escapeRefused(extension) };
  return attributes;
}

function fitsRelated(id: RequestId | undefined): boolean {
  return id !== undefined && String(id).length <= MAX_METADATA_LENGTH / 2;
}

/** The two characters that JSON.stringify leaves as they are and AWS refuses in a value. */
function escapeRefused(json: string): string {
  return json.replace(/[\ufffe\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16)}`);
}

/** AWS refuses empty attribute values and control characters in them: what does not fit is left out, the body has it. */
function addText(attributes: WireAttributes, name: string, value: string | undefined): void {
  if (value === undefined || value === '' || value.length > MAX_METADATA_LENGTH) return;
  if (!/[\p{Cc}\p{Cs}\ufffe\uffff]/u.test(value)) attributes[name] = { DataType: 'String', StringValue: value };
}

/**
 * The envelope in `body` and `attributes`, which come from a stranger: values of the wrong kind or too long are treated
 * as absent. Never throws.
 *
 * @param fallbackMessageId - what identifies a message of a peer that sends no `AsyncMcp` attribute, e.g. SQS's MessageId
 */
export function decodeEnvelope(
  body: string,
  attributes: ReceivedAttributes,
  fallbackMessageId: string,
): InboundEnvelope {
  const extension = decodeExtension(attributes.AsyncMcp);
  const requestId = bounded(attributes.RequestId);
  const related = extension['related'];
  const metadata = createMetadata({
    messageId: bounded(extension['id']) ?? fallbackMessageId,
    sessionId: bounded(attributes.SessionId),
    clientId: bounded(attributes.ClientId),
    protocolVersion: bounded(attributes.ProtocolVersion),
    relatedRequestId: isRequestId(related) ? related : undefined,
    replyTo: bounded(extension['replyTo']),
    broadcast: extension['broadcast'] === true ? true : undefined,
    sentAt: decodeTimestamp(attributes.Timestamp),
  });
  const type = attributes.MessageType === 'terminate' ? 'terminate' : 'jsonrpc';
  const envelope: { -readonly [K in keyof InboundEnvelope]: InboundEnvelope[K] } = Object.assign(metadata, {
    type,
    extended: attributes.AsyncMcp !== undefined,
    body,
  } as const);
  if (requestId !== undefined) envelope.requestIdHint = requestIdFromText(requestId);
  return envelope;
}

/** Unix seconds; now, if it is something else. */
function decodeTimestamp(value: string | undefined): Date {
  const seconds = Number(bounded(value));
  return new Date(Number.isFinite(seconds) && Math.abs(seconds) < 8.64e12 ? seconds * 1000 : Date.now());
}

function decodeExtension(value: string | undefined): Record<string, unknown> {
  if (value === undefined || value.length > 3 * MAX_METADATA_LENGTH) return {};
  try {
    const extension: unknown = JSON.parse(value);
    return isRecord(extension) ? extension : {};
  } catch {
    return {};
  }
}

function bounded(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' && value.length <= MAX_METADATA_LENGTH ? value : undefined;
}

/** On the wire an id is text; nearly every client counts with numbers, so text that is a whole number is one. */
export function requestIdFromText(value: string): RequestId {
  return /^(0|-?[1-9]\d{0,14})$/.test(value) ? Number(value) : value;
}
