import { randomUUID } from 'node:crypto';
import { AsyncMcpError, decodeEnvelope, invalidOption, isRecord, messageText } from '@asyncmcp/core';
import type { Envelope, InboundEnvelope, ReceivedAttributes, WireAttributes } from '@asyncmcp/core';
import type { Message, MessageAttributeValue } from '@aws-sdk/client-sqs';

/** The attributes of an SQS message, as its API takes them. */
export type MessageAttributes = Record<string, MessageAttributeValue>;

/** Most attributes of a message: the limit of SQS, and SNS silently discards a raw delivery with more. */
export const MAX_ATTRIBUTES = 10;

/** Attributes this project sets itself; all eight are on a client's request. */
const RESERVED = new Set([
  'MessageType',
  'Timestamp',
  'RequestId',
  'Method',
  'SessionId',
  'ClientId',
  'ProtocolVersion',
  'AsyncMcp',
]);

/** The characters SQS takes in a body or a value, by its API reference (SendMessage). */
// eslint-disable-next-line no-control-regex
const REFUSED_CHARACTER = /[^\u0009\u000a\u000d\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

/**
 * The message attributes for an envelope's metadata and the user's own.
 *
 * @throws AsyncMcpError `ERR_TOO_MANY_ATTRIBUTES` when there are more than ten
 */
export function toMessageAttributes(
  attributes: WireAttributes,
  extra: Readonly<Record<string, string>> = {},
): MessageAttributes {
  const names = Object.keys(extra);
  if (names.length === 0) return attributes;
  const result: MessageAttributes = {};
  for (const name of names) result[name] = { DataType: 'String', StringValue: extra[name] };
  Object.assign(result, attributes);
  const count = Object.keys(result).length;
  if (count <= MAX_ATTRIBUTES) return result;
  throw new AsyncMcpError(
    'ERR_TOO_MANY_ATTRIBUTES',
    `The message would carry ${count} attributes, but AWS allows ${MAX_ATTRIBUTES}. Set fewer messageAttributes.`,
    { details: { count, limit: MAX_ATTRIBUTES } },
  );
}

/** Bytes of a message as SQS counts them towards its limits: the body and each attribute's name, type and value. */
export function messageSize(body: string, attributes: Readonly<MessageAttributes>): number {
  let bytes = Buffer.byteLength(body);
  for (const [name, { DataType = '', StringValue = '', BinaryValue }] of Object.entries(attributes)) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(DataType) + Buffer.byteLength(StringValue);
    bytes += BinaryValue?.byteLength ?? 0;
  }
  return bytes;
}

/**
 * The body for a message. SQS refuses U+FFFE and U+FFFF, which JSON.stringify leaves as they are (it escapes control
 * characters and lone surrogates); in JSON they can only be inside strings, so escaping them changes nothing.
 *
 * @throws AsyncMcpError `ERR_MESSAGE_INVALID` for what JSON cannot say: a BigInt, a circle
 */
export function toBody(envelope: Envelope): string {
  return toJson(envelope).replace(/[\ufffe\uffff]/g, (character) => (character === '\ufffe' ? '\\ufffe' : '\\uffff'));
}

function toJson(envelope: Envelope): string {
  try {
    return messageText(envelope);
  } catch (error) {
    const text = `The message cannot be written as JSON: ${error instanceof Error ? error.message : String(error)}`;
    throw new AsyncMcpError('ERR_MESSAGE_INVALID', text, { cause: error });
  }
}

/**
 * The envelope in a received SQS message, whether it was sent to the queue or came wrapped in an SNS notification. The
 * SQS message's own attributes win over those in the wrapper. Never throws.
 */
export function decodeMessage(message: Message): InboundEnvelope {
  const text = message.Body ?? '';
  const notification = unwrapNotification(text);
  const outer = message.MessageAttributes ?? {};
  const inner = notification?.attributes;
  const attributes = {
    MessageType: textOf(outer, inner, 'MessageType'),
    Timestamp: textOf(outer, inner, 'Timestamp'),
    RequestId: textOf(outer, inner, 'RequestId'),
    SessionId: textOf(outer, inner, 'SessionId'),
    ClientId: textOf(outer, inner, 'ClientId'),
    ProtocolVersion: textOf(outer, inner, 'ProtocolVersion'),
    AsyncMcp: textOf(outer, inner, 'AsyncMcp'),
  };
  // Every received message has a MessageId; the type does not say so.
  return decodeEnvelope(notification?.body ?? text, attributes, message.MessageId ?? randomUUID());
}

function textOf(
  outer: Readonly<MessageAttributes>,
  inner: Readonly<Record<string, unknown>> | undefined,
  name: keyof ReceivedAttributes,
): string | undefined {
  const attribute = outer[name];
  const text = attribute === undefined ? undefined : textIn(attribute.DataType, attribute.StringValue);
  if (text !== undefined || inner === undefined) return text;
  const wrapped = inner[name];
  return isRecord(wrapped) ? textIn(wrapped['Type'], wrapped['Value']) : undefined;
}

function textIn(type: unknown, value: unknown): string | undefined {
  if (typeof type !== 'string' || typeof value !== 'string') return undefined;
  return type.startsWith('String') || type.startsWith('Number') ? value : undefined;
}

/** What SNS puts around a message when the subscription has no raw delivery; undefined if `text` is something else. */
function unwrapNotification(text: string): { body: string; attributes: Record<string, unknown> } | undefined {
  if (!text.startsWith('{') || !text.includes('"Notification"')) return undefined;
  const wrapper = parseJson(text);
  if (!isRecord(wrapper) || wrapper['Type'] !== 'Notification' || typeof wrapper['Message'] !== 'string')
    return undefined;
  const attributes = wrapper['MessageAttributes'];
  return { body: wrapper['Message'], attributes: isRecord(attributes) ? attributes : {} };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Checks the option of the user's own message attributes and returns a copy; none by default.
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION`
 */
export function checkMessageAttributes(option: string, value: unknown): Readonly<Record<string, string>> {
  if (value === undefined) return {};
  if (!isRecord(value)) throw invalidOption(option, value, 'an object of attribute names and string values');
  const most = MAX_ATTRIBUTES - RESERVED.size;
  const entries = Object.entries(value);
  if (entries.length > most) {
    const allowed = `at most ${most} attributes: AWS allows ${MAX_ATTRIBUTES}, and a message carries ${RESERVED.size} already`;
    throw invalidOption(option, value, allowed);
  }
  return Object.fromEntries(entries.map(([name, text]) => [name, checkMessageAttribute(option, name, text)]));
}

function checkMessageAttribute(option: string, name: string, value: unknown): string {
  if (RESERVED.has(name))
    throw invalidOption(option, name, `without ${[...RESERVED].join(', ')}: these are set for you`);
  if (!isAttributeName(name)) {
    const rule =
      'attribute names of at most 256 letters, digits, "_", "-" and single inner ".", not beginning with AWS. or Amazon.';
    throw invalidOption(option, name, rule);
  }
  if (typeof value === 'string' && value !== '' && !REFUSED_CHARACTER.test(value)) return value;
  throw invalidOption(`${option}.${name}`, value, 'a non-empty string without control characters');
}

/** By the SQS developer guide, "Amazon SQS message attributes": the prefixes are reserved in any case. */
function isAttributeName(name: string): boolean {
  if (name.length > 256 || /^(aws|amazon)\./i.test(name)) return false;
  return /^[\w-]+(\.[\w-]+)*$/.test(name);
}
