import type {
  JSONRPCErrorResponse,
  JSONRPCMessage,
  JSONRPCNotification,
  JSONRPCRequest,
  JSONRPCResultResponse,
  RequestId,
} from '@modelcontextprotocol/sdk/types.js';
import type { InboundEnvelope } from './envelope.js';
import type { AsyncMcpError } from './errors.js';

/**
 * Own guards instead of the SDK's schemas: the SDK is only a type to this package, so that either major of it works.
 * They are at least as strict as the SDK's, because a request the SDK does not recognise is never answered by it.
 */

/** JSON-RPC 2.0 and MCP error codes that this project answers with. */
export const JsonRpcErrorCode = {
  /** What came is not JSON. */
  parseError: -32700,
  /** What came is JSON, but no JSON-RPC message that MCP allows, or not one that may come now. */
  invalidRequest: -32600,
  /** Nobody here answers this method. */
  methodNotFound: -32601,
  /** The method is known, its params are not right. */
  invalidParams: -32602,
  /** The server could not answer; the fault is not the caller's. */
  internalError: -32603,
  /** What the SDK's Streamable HTTP server answers for an unknown session. */
  sessionNotFound: -32001,
} as const;

/** Deepest nesting of a message that is accepted. Real MCP messages stay far below it. */
export const MAX_MESSAGE_DEPTH = 128;

/** What is wrong with a message, and the id to answer to where it can be told. */
export interface MalformedMessage {
  /** Tells it from a message that was read. */
  readonly ok: false;
  /** The JSON-RPC error code to answer with: parse error or invalid request. */
  readonly code: number;
  /** What is wrong, as a part of a sentence. */
  readonly reason: string;
  /** The id of the request, where it could be read. */
  readonly id?: RequestId;
}

/** Outcome of {@link parseMessage}. */
export type ParsedMessage = { readonly ok: true; readonly message: JSONRPCMessage } | MalformedMessage;

/** A class, because one is made for every message: `TransientMap` says why. */
class WellFormedMessage {
  readonly ok = true;
  readonly message: JSONRPCMessage;

  constructor(message: JSONRPCMessage) {
    this.message = message;
  }
}

/** Whether a message wants an answer. */
export function isRequest(message: JSONRPCMessage): message is JSONRPCRequest {
  return 'method' in message && 'id' in message;
}

/** Whether a message has a method and wants no answer. */
export function isNotification(message: JSONRPCMessage): message is JSONRPCNotification {
  return 'method' in message && !('id' in message);
}

/** Notifications that name a request by its id, which is another one for every client. */
const OF_ONE_REQUEST: ReadonlySet<string> = new Set(['notifications/cancelled', 'notifications/progress']);

/** Whether a message may be broadcast: a notification that is not about one request. */
export function isForEverybody(message: JSONRPCMessage): message is JSONRPCNotification {
  return isNotification(message) && message.method.startsWith('notifications/') && !OF_ONE_REQUEST.has(message.method);
}

/** Whether a message is an answer: a result or an error. */
export function isResponse(message: JSONRPCMessage): message is JSONRPCResultResponse | JSONRPCErrorResponse {
  return !('method' in message);
}

/** Whether an answer is an error. */
export function isErrorResponse(message: JSONRPCMessage): message is JSONRPCErrorResponse {
  return 'error' in message;
}

/** Longest string that is taken for a request id or progress token, in characters: they are kept, and a stranger chose them. */
export const MAX_REQUEST_ID_LENGTH = 1024;

/** A JSON-RPC id that MCP allows: a string (the empty one too) or a whole number (0 too); never null. */
export function isRequestId(value: unknown): value is RequestId {
  if (typeof value === 'string') return value.length <= MAX_REQUEST_ID_LENGTH;
  return typeof value === 'number' && Number.isSafeInteger(value);
}

/** Whether `value` is an object that is neither null nor an array. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * One JSON-RPC message from untrusted text. Never throws. Checks nesting before parsing, and then everything the SDK
 * would refuse to dispatch: extra members, batches, null ids, a malformed `_meta`.
 */
export function parseMessage(text: string): ParsedMessage {
  const parsed = parseJson(text);
  return parsed.ok ? checkMessage(parsed.value) : parsed;
}

/** JSON from untrusted text, whose nesting is checked before it is parsed. Never throws. */
export function parseJson(text: string): { readonly ok: true; readonly value: unknown } | MalformedMessage {
  if (nestsDeeperThan(text, MAX_MESSAGE_DEPTH)) {
    const reason = `the message nests deeper than ${MAX_MESSAGE_DEPTH} levels`;
    return { ok: false, code: JsonRpcErrorCode.invalidRequest, reason };
  }
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch {
    return { ok: false, code: JsonRpcErrorCode.parseError, reason: 'the message is not valid JSON' };
  }
}

/** The message of what arrived: parsed here, unless its source has done so. Never throws. */
export function parsedMessage({ message, body }: Pick<InboundEnvelope, 'message' | 'body'>): ParsedMessage {
  return message === undefined ? parseMessage(body) : new WellFormedMessage(message);
}

/** The checks of {@link parseMessage} for a value that was parsed already. Never throws. */
export function checkMessage(value: unknown): ParsedMessage {
  if (Array.isArray(value)) return invalid('JSON-RPC batches are not part of MCP; send one message at a time');
  if (!isRecord(value)) return invalid('a JSON-RPC message is an object');
  const id = isRequestId(value['id']) ? value['id'] : undefined;
  const problem = problemOf(value);
  if (problem !== undefined) return invalid(problem, id);
  // Every member that a JSONRPCMessage has was checked by problemOf.
  return new WellFormedMessage(value as unknown as JSONRPCMessage);
}

function invalid(reason: string, id?: RequestId): ParsedMessage {
  return { ok: false, code: JsonRpcErrorCode.invalidRequest, reason, ...(id !== undefined && { id }) };
}

function problemOf(value: Record<string, unknown>): string | undefined {
  if (value['jsonrpc'] !== '2.0') return 'member "jsonrpc" must be "2.0"';
  const isError = 'error' in value;
  if ('id' in value && !isRequestId(value['id'])) return 'member "id" must be a string or a whole number';
  if ('method' in value) {
    if (typeof value['method'] !== 'string') return 'member "method" must be a string';
    return (
      extraMember(value, ['jsonrpc', 'id', 'method', 'params']) ?? problemOfPayload('params', value['params'], true)
    );
  }
  if (!isError && !('id' in value)) return 'a message has a "method", or an "id" with a "result" or an "error"';
  if (isError) return extraMember(value, ['jsonrpc', 'id', 'error']) ?? problemOfError(value['error']);
  return extraMember(value, ['jsonrpc', 'id', 'result']) ?? problemOfPayload('result', value['result'], false);
}

function extraMember(value: Record<string, unknown>, allowed: readonly string[]): string | undefined {
  const extra = Object.keys(value).find((member) => !allowed.includes(member));
  return extra === undefined ? undefined : `unexpected member ${JSON.stringify(extra.slice(0, 64))}`;
}

function problemOfPayload(name: string, payload: unknown, optional: boolean): string | undefined {
  if (payload === undefined && optional) return undefined;
  if (!isRecord(payload)) return `member "${name}" must be an object`;
  const meta = payload['_meta'];
  if (meta === undefined) return undefined;
  if (!isRecord(meta)) return `member "${name}._meta" must be an object`;
  const token = meta['progressToken'];
  if (token !== undefined && !isRequestId(token)) {
    return `member "${name}._meta.progressToken" must be a string or a whole number`;
  }
  const task = meta['io.modelcontextprotocol/related-task'];
  if (task !== undefined && !(isRecord(task) && typeof task['taskId'] === 'string')) {
    return `member "${name}._meta["io.modelcontextprotocol/related-task"]" must have a string "taskId"`;
  }
  return undefined;
}

function problemOfError(error: unknown): string | undefined {
  if (!isRecord(error)) return 'member "error" must be an object';
  if (!Number.isSafeInteger(error['code'])) return 'member "error.code" must be a whole number';
  return typeof error['message'] === 'string' ? undefined : 'member "error.message" must be a string';
}

/**
 * Whether brackets outside strings nest deeper than `limit`. Looks at the text, so that nothing is built from it before;
 * and only at texts long enough to nest that deep.
 */
function nestsDeeperThan(text: string, limit: number): boolean {
  if (text.length <= limit) return false;
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index++) {
    const character = text.charCodeAt(index);
    if (inString) {
      if (character === 0x5c /* \ */) index++;
      else if (character === 0x22 /* " */) inString = false;
    } else if (character === 0x22) inString = true;
    else if (character === 0x5b /* [ */ || character === 0x7b /* { */) {
      if (++depth > limit) return true;
    } else if (character === 0x5d /* ] */ || character === 0x7d /* } */) depth--;
  }
  return false;
}

/**
 * A JSON-RPC error response. `data.code` is the {@link AsyncMcpError} code, so that a program at the other end can tell
 * errors of the transport from errors of the tool.
 */
export function errorResponse(id: RequestId | undefined, code: number, error: AsyncMcpError): JSONRPCErrorResponse {
  return {
    jsonrpc: '2.0',
    ...(id !== undefined && { id }),
    error: { code, message: error.message, data: { code: error.code, ...error.details } },
  };
}

/** The {@link AsyncMcpError} code that {@link errorResponse} put into a response; undefined for any other error. */
export function errorCodeOf(response: JSONRPCErrorResponse): string | undefined {
  const data: unknown = response.error.data;
  return isRecord(data) && typeof data['code'] === 'string' ? data['code'] : undefined;
}
