import { AsyncMcpError } from './errors.js';
import { JsonRpcErrorCode } from './jsonrpc.js';
import { SUPPORTED_PROTOCOL_VERSIONS } from './protocol-versions.js';
import type { JSONRPCRequest } from '@modelcontextprotocol/sdk/types.js';
import type { InboundEnvelope } from './envelope.js';
import type { AsyncMcpErrorCode } from './errors.js';

/** Why a message is refused: the JSON-RPC code its sender sees, and the error. */
export interface Refusal {
  /** The JSON-RPC error code. */
  readonly code: number;
  /** Its code and details become the `data` of the JSON-RPC error. */
  readonly error: AsyncMcpError;
}

/** Longest `initialize`, in characters: what it says is kept for as long as the session lives. */
export const MAX_INITIALIZE_LENGTH = 65_536;

/** Text of a stranger as it may stand in a message or a log: on one line, and not long. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}

/** `initialize` is longer than anything that is kept for a session may be. */
export function initializeTooLong(): Refusal {
  const text = `initialize is longer than ${MAX_INITIALIZE_LENGTH} characters; declare less.`;
  return { code: JsonRpcErrorCode.invalidParams, error: new AsyncMcpError('ERR_MESSAGE_TOO_LARGE', text) };
}

/** The message is no JSON-RPC message that MCP allows. */
export function malformed(envelope: InboundEnvelope, code: number, reason: string): Refusal {
  const details = { messageId: envelope.messageId };
  return { code, error: new AsyncMcpError('ERR_MESSAGE_INVALID', `Message refused: ${reason}.`, { details }) };
}

/** `initialize` does not say where replies go. */
export function withoutReplyAddress(): Refusal {
  const text = 'initialize names no reply address in params._meta.';
  return { code: JsonRpcErrorCode.invalidParams, error: new AsyncMcpError('ERR_MESSAGE_INVALID', text) };
}

/** What `initialize` says about its replies is not right. */
export function invalidParams(error: AsyncMcpError): Refusal {
  return { code: JsonRpcErrorCode.invalidParams, error };
}

/** The reply address that `initialize` names is outside the policy. */
export function replyAddressRefused(address: string): Refusal {
  const text = `This server does not send to ${quoted(withoutSecrets(address))}; see its option allowReplyTo (for webhooks: allowWebhookUrl).`;
  return { code: JsonRpcErrorCode.invalidParams, error: new AsyncMcpError('ERR_REPLY_ADDRESS_REFUSED', text) };
}

/** A URL without its credentials and its query, where secrets are. What is no URL stays as it is. */
function withoutSecrets(address: string): string {
  return address.replace(/^([a-z][a-z0-9+.-]*:[/\\]*)[^/?#]*@/i, '$1').replace(/(?<=^[^?#]*)[?#].*$/s, '');
}

/** The session is unknown, has ended or expired, or belongs to another client: the sender is not told which. */
export function unknownSession(sessionId: string): Refusal {
  const text = `Session ${quoted(sessionId)} is unknown, has ended or expired; open a new one with initialize.`;
  return {
    code: JsonRpcErrorCode.sessionNotFound,
    error: new AsyncMcpError('ERR_SESSION_NOT_FOUND', text, { details: { sessionId: sessionId.slice(0, 200) } }),
  };
}

/** The session ended while the call ran. */
export function sessionEnded(sessionId: string): Refusal {
  const text = `Session ${sessionId} has ended; open a new one with initialize.`;
  return {
    code: JsonRpcErrorCode.sessionNotFound,
    error: new AsyncMcpError('ERR_SESSION_NOT_FOUND', text, { details: { sessionId: sessionId.slice(0, 200) } }),
  };
}

/** What a newer client sends before anything else, to hear which revision it speaks to. */
export const PROBE = 'server/discover';

/**
 * A request came without a session. Not every first message is `initialize`: a newer client probes first,
 * and must hear that the method is not known (MCP 2026-07-28, negotiation with older servers).
 */
export function sessionRequired(method: string): Refusal {
  const probe = method === PROBE;
  const text = probe ? `Method not found: ${method}` : `${quoted(method)} needs a session; open one with initialize.`;
  return {
    code: probe ? JsonRpcErrorCode.methodNotFound : JsonRpcErrorCode.invalidRequest,
    error: new AsyncMcpError('ERR_SESSION_REQUIRED', text),
  };
}

/** `initialize` named a session: it opens one, and the server chooses its id. */
export function sessionNotWanted(): Refusal {
  const text = 'initialize opens a new session and carries no session id.';
  return { code: JsonRpcErrorCode.invalidRequest, error: new AsyncMcpError('ERR_MESSAGE_INVALID', text) };
}

/** The message names a protocol version nobody here speaks. */
export function unsupportedVersion(version: string): Refusal {
  const text = `Protocol version ${quoted(version)} is not supported. Supported: ${SUPPORTED_PROTOCOL_VERSIONS.join(', ')}.`;
  return { code: JsonRpcErrorCode.invalidRequest, error: new AsyncMcpError('ERR_PROTOCOL_VERSION', text) };
}

/** The request could not even be begun, several times. What failed is in the server's log and no business of the client's. */
export function unavailable({ method }: JSONRPCRequest, code: AsyncMcpErrorCode): Refusal {
  const text = `The server could not handle ${quoted(method)} for now (${code}); try again later.`;
  return { code: JsonRpcErrorCode.internalError, error: new AsyncMcpError(code, text) };
}

/** The request kept coming back: it may be what kills the process that runs it. */
export function poisoned(
  { method }: JSONRPCRequest,
  attempts: number,
  maxAttempts: number,
  messageId: string,
): Refusal {
  const text = `${quoted(method)} was received ${attempts} times without being completed, and is not tried again (maxAttempts: ${maxAttempts}).`;
  return {
    code: JsonRpcErrorCode.internalError,
    error: new AsyncMcpError('ERR_TOO_MANY_ATTEMPTS', text, { details: { attempts, messageId } }),
  };
}

/** A second call with the id of one that has not ended: the client could not tell their answers apart. */
export function requestIdInUse({ id }: JSONRPCRequest): Refusal {
  const text = `Request id ${quoted(String(id))} is in use by a call of this session that has not ended.`;
  return { code: JsonRpcErrorCode.invalidRequest, error: new AsyncMcpError('ERR_MESSAGE_INVALID', text) };
}
