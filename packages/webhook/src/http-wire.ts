import { randomUUID } from 'node:crypto';
import { isNotification, isRequest, isRequestId, requestIdFromText } from '@asyncmcp/core';
import type { Envelope, EnvelopeMetadata, InboundEnvelope } from '@asyncmcp/core';
import type { MessageExtraInfo, RequestId } from '@modelcontextprotocol/sdk/types.js';

/**
 * The headers beside a message, on POSTs in both directions. The first five are those of the Python package asyncmcp, the others
 * are ours; a peer that knows them not ignores them.
 */
export const Header = {
  clientId: 'x-client-id',
  sessionId: 'x-session-id',
  requestId: 'x-request-id',
  method: 'x-method',
  protocolVersion: 'x-protocol-version',
  /** Unique for one logical send, the same on every try. */
  messageId: 'x-message-id',
  /** The request that a notification or a server's own request belongs to, as JSON: 1 and "1" are two ids. */
  relatedRequestId: 'x-related-request-id',
  /** Where a server wants its own request answered, if not where everything goes. */
  replyTo: 'x-reply-to',
  /** How often servers have begun with this message before, plus one. */
  attempt: 'x-attempt',
  /** The server process that took a request which is posted again. */
  takenBy: 'x-taken-by',
} as const;

/** What MCP's Streamable HTTP calls two of them (MCP 2025-11-25, Transports). They are read wherever the others are. */
export const StreamableHeader = {
  sessionId: 'mcp-session-id',
  protocolVersion: 'mcp-protocol-version',
} as const;

export const JSON_TYPE = 'application/json';

/** What a header can carry without anybody on the way changing it, and no longer than proxies take. */
const MAX_VALUE_LENGTH = 1024;
const VALUE = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;
const TOKEN = /^[\x21-\x7e]+$/;

/**
 * The headers that carry an envelope's metadata, the content type included. What does not fit into a header is left out.
 *
 * @param identified - whether the message id is among them, for it may travel elsewhere
 * @param sessionHeader - what the session's header is called
 */
export function encodeHeaders(
  envelope: Envelope,
  identified = true,
  sessionHeader: string = Header.sessionId,
): Record<string, string> {
  const { message, relatedRequestId } = envelope;
  const headers = encodeMetadata(envelope, identified, sessionHeader);
  const id = isRequest(message) ? String(message.id) : undefined;
  const method = isRequest(message) || isNotification(message) ? message.method : undefined;
  const related = relatedRequestId === undefined ? undefined : asciiJson(relatedRequestId);
  if (isValue(id)) headers[Header.requestId] = id;
  if (isValue(method)) headers[Header.method] = method;
  if (isValue(related)) headers[Header.relatedRequestId] = related;
  return headers;
}

/** A class, because one is made for every message: core's `TransientMap` says why. */
class MessageHeaders {
  [name: string]: string;
  'content-type' = JSON_TYPE;
}

/** The same of metadata without a message: what asks the server to end a session. */
export function encodeMetadata(
  metadata: EnvelopeMetadata,
  identified = true,
  sessionHeader: string = Header.sessionId,
): Record<string, string> {
  const { clientId, sessionId, protocolVersion, messageId, replyTo } = metadata;
  const headers = new MessageHeaders();
  // Each where it stands: one function that sets any of them would be slow at all of them.
  if (isValue(clientId)) headers[Header.clientId] = clientId;
  if (isValue(sessionId)) headers[sessionHeader] = sessionId;
  if (isValue(protocolVersion)) headers[Header.protocolVersion] = protocolVersion;
  if (identified && isValue(messageId)) headers[Header.messageId] = messageId;
  if (isValue(replyTo)) headers[Header.replyTo] = replyTo;
  return headers;
}

/** The headers of a request as node gives them: names in lower case. */
export type ReceivedHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** What is known of a request beside its headers, and goes into its envelope. */
export interface Beside {
  /** What handlers are told of the way it came. */
  readonly extra?: InboundEnvelope['extra'] | undefined;
  /** Who its sender has proven to be, where it had to. */
  readonly principal?: string | undefined;
  /** The request id, where it is known. Default: that of its header. */
  readonly requestIdHint?: RequestId | undefined;
  /** Whether only MCP's own headers name session and revision: by them proxies route. Default: those of webhooks come first. */
  readonly onlyMcpHeaders?: boolean;
}

/**
 * The envelope of a POST, or of a DELETE (`terminate`). Headers come from a stranger: values of the wrong kind or too long are
 * treated as absent. A peer that sends neither `X-Message-ID` nor `webhook-id` has its message named anew each time. Never throws.
 */
export function decodeHeaders(
  type: InboundEnvelope['type'],
  body: string,
  headers: ReceivedHeaders,
  beside: Beside = NOTHING,
): InboundEnvelope {
  return new PostedEnvelope(type, body, headers, beside);
}

const NOTHING: Beside = {};

/** A class, because one is made for every message: to objects that grow by members, V8 adds room again and again. */
class PostedEnvelope implements InboundEnvelope {
  readonly type: InboundEnvelope['type'];
  readonly body: string;
  readonly messageId: string;
  readonly extended: boolean;
  readonly sentAt = new Date();
  declare readonly sessionId?: string;
  declare readonly clientId?: string;
  declare readonly protocolVersion?: string;
  declare readonly relatedRequestId?: RequestId;
  declare readonly replyTo?: string;
  declare readonly requestIdHint?: RequestId;
  declare readonly principal?: string;
  declare readonly extra?: MessageExtraInfo;
  declare readonly unnamed?: true;

  constructor(type: InboundEnvelope['type'], body: string, headers: ReceivedHeaders, beside: Beside) {
    const { extra, principal, onlyMcpHeaders = false } = beside;
    // A signed webhook has its id there.
    const messageId = token(headers, Header.messageId) ?? token(headers, 'webhook-id');
    const sessionId =
      (onlyMcpHeaders ? undefined : token(headers, Header.sessionId)) ?? token(headers, StreamableHeader.sessionId);
    const clientId = token(headers, Header.clientId);
    const protocolVersion =
      (onlyMcpHeaders ? undefined : token(headers, Header.protocolVersion)) ??
      token(headers, StreamableHeader.protocolVersion);
    const relatedRequestId = relatedId(headers[Header.relatedRequestId]);
    const replyTo = token(headers, Header.replyTo);
    const requestId = headers[Header.requestId];
    this.type = type;
    this.body = body;
    this.messageId = messageId ?? randomUUID();
    this.extended = messageId !== undefined;
    if (messageId === undefined) this.unnamed = true;
    if (sessionId !== undefined) this.sessionId = sessionId;
    if (clientId !== undefined) this.clientId = clientId;
    if (protocolVersion !== undefined) this.protocolVersion = protocolVersion;
    if (relatedRequestId !== undefined) this.relatedRequestId = relatedRequestId;
    if (replyTo !== undefined) this.replyTo = replyTo;
    if (beside.requestIdHint !== undefined) this.requestIdHint = beside.requestIdHint;
    else if (isValue(requestId)) this.requestIdHint = requestIdFromText(requestId);
    if (principal !== undefined) this.principal = principal;
    if (extra !== undefined) this.extra = extra;
  }
}

/** The header `X-Attempt`; 1 where there is none, or nonsense. */
export function attemptOf(headers: ReceivedHeaders): number {
  const value = headers[Header.attempt];
  return typeof value === 'string' && /^[1-9]\d{0,5}$/.test(value) ? Number(value) : 1;
}

/** The header `X-Taken-By`. */
export function takenByOf(headers: ReceivedHeaders): string | undefined {
  return token(headers, Header.takenBy);
}

function token(headers: ReceivedHeaders, name: string): string | undefined {
  const value = headers[name];
  // Node joins a header that was sent twice with a comma and a space: it means nothing then, and is no token.
  return typeof value === 'string' && value.length <= MAX_VALUE_LENGTH && TOKEN.test(value) ? value : undefined;
}

function relatedId(value: unknown): RequestId | undefined {
  if (!isValue(value)) return undefined;
  try {
    const id: unknown = JSON.parse(value);
    return isRequestId(id) ? id : undefined;
  } catch {
    return undefined;
  }
}

function asciiJson(id: RequestId): string {
  const escape = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(id).replace(/[^\x20-\x7e]/g, escape);
}

function isValue(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_VALUE_LENGTH && VALUE.test(value);
}
