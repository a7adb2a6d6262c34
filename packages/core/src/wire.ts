import type { RequestId } from '@modelcontextprotocol/sdk/types.js';
import { createMetadata } from './envelope.js';
import { isNotification, isRecord, isRequest, isRequestId } from './jsonrpc.js';
import type { Envelope, EnvelopeMetadata, InboundEnvelope } from './envelope.js';

/**
 * The attributes beside a message on SQS and SNS, without either's types. Names and meaning are those of the Python
 * package asyncmcp; everything of our own is in the one attribute `AsyncMcp`.
 */
export interface WireAttribute {
  readonly type: 'String' | 'Number';
  readonly value: string;
}

export type WireAttributes = Readonly<Record<string, WireAttribute>>;

/** Longest id, method or address taken from a stranger's metadata, in characters. Longer values are treated as absent. */
const MAX_METADATA_LENGTH = 2048;

/** The version of the `AsyncMcp` attribute that this package writes. It reads any version with the members it knows. */
const EXTENSION_VERSION = 1;

/** The attributes that carry `envelope`'s metadata. */
export function encodeEnvelope(envelope: Envelope): WireAttributes {
  const { message } = envelope;
  return {
    ...encodeMetadata(envelope, 'jsonrpc'),
    ...(isRequest(message) && text('RequestId', String(message.id))),
    ...((isRequest(message) || isNotification(message)) && text('Method', message.method)),
  };
}

/** The attributes that ask the server to end the session of `metadata`. The body to send with them is `{}`. */
export function encodeTermination(metadata: EnvelopeMetadata): WireAttributes {
  return encodeMetadata(metadata, 'terminate');
}

function encodeMetadata(metadata: EnvelopeMetadata, type: InboundEnvelope['type']): WireAttributes {
  const extension = {
    v: EXTENSION_VERSION,
    id: metadata.messageId,
    ...(metadata.replyTo !== undefined && { replyTo: metadata.replyTo }),
    // A stranger chose it: a longer one would make the whole attribute too long to be read.
    ...(fitsRelated(metadata.relatedRequestId) && { related: metadata.relatedRequestId }),
  };
  return {
    MessageType: { type: 'String', value: type },
    Timestamp: { type: 'Number', value: String(Math.floor(metadata.sentAt.getTime() / 1000)) },
    ...text('SessionId', metadata.sessionId),
    ...text('ClientId', metadata.clientId),
    ...text('ProtocolVersion', metadata.protocolVersion),
    AsyncMcp: { type: 'String', value: escapeRefused(JSON.stringify(extension)) },
  };
}

function fitsRelated(id: RequestId | undefined): boolean {
  return id !== undefined && String(id).length <= MAX_METADATA_LENGTH / 2;
}

/** The two characters that JSON.stringify leaves as they are and AWS refuses in a value. */
function escapeRefused(json: string): string {
  return json.replace(/[\ufffe\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16)}`);
}

/** AWS refuses empty attribute values and control characters in them: what does not fit is left out, the body has it. */
function text(name: string, value: string | undefined): WireAttributes {
  if (value === undefined || value === '' || value.length > MAX_METADATA_LENGTH) return {};
  return /[\p{Cc}\p{Cs}\ufffe\uffff]/u.test(value) ? {} : { [name]: { type: 'String', value } };
}

/**
 * The envelope in `body` and `attributes`, which come from a stranger: values of the wrong kind or too long are treated
 * as absent. Never throws.
 *
 * @param fallbackMessageId - what identifies a message of a peer that sends no `AsyncMcp` attribute, e.g. SQS's MessageId
 */
export function decodeEnvelope(
  body: string,
  attributes: Readonly<Record<string, string | undefined>>,
  fallbackMessageId: string,
): InboundEnvelope {
  const attribute = (name: string): string | undefined => bounded(attributes[name]);
  const extension = decodeExtension(attributes['AsyncMcp']);
  const seconds = Number(attribute('Timestamp'));
  const requestId = attribute('RequestId');
  const related = extension['related'];
  return {
    ...createMetadata({
      messageId: bounded(extension['id']) ?? fallbackMessageId,
      sessionId: attribute('SessionId'),
      clientId: attribute('ClientId'),
      protocolVersion: attribute('ProtocolVersion'),
      relatedRequestId: isRequestId(related) ? related : undefined,
      replyTo: bounded(extension['replyTo']),
      sentAt: new Date(Number.isFinite(seconds) && Math.abs(seconds) < 8.64e12 ? seconds * 1000 : Date.now()),
    }),
    type: attribute('MessageType') === 'terminate' ? 'terminate' : 'jsonrpc',
    extended: attributes['AsyncMcp'] !== undefined,
    body,
    ...(requestId !== undefined && { requestIdHint: requestIdFromText(requestId) }),
  };
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
function requestIdFromText(value: string): RequestId {
  return /^(0|-?[1-9]\d{0,14})$/.test(value) ? Number(value) : value;
}
