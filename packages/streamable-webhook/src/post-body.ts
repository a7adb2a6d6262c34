import { AsyncMcpError, JsonRpcErrorCode, checkMessage, errorResponse, isRequest, parseJson } from '@asyncmcp/core';
import { httpRefusal } from '@asyncmcp/webhook/parts';
import type { JSONRPCMessage, JSONRPCRequest } from '@modelcontextprotocol/sdk/types.js';
import type { MalformedMessage } from '@asyncmcp/core';
import type { HttpRefusal } from '@asyncmcp/webhook/parts';

/** The messages of a POST. */
export interface PostBody {
  readonly messages: readonly JSONRPCMessage[];
  /** Whether they came as a JSON-RPC batch, as clients of before MCP 2025-06-18 send them. */
  readonly batched: boolean;
  /** What came, if it was one message. */
  readonly text: string;
}

/** As many as the SDK's transport takes. */
const MAX_BATCH = 100;

/**
 * Checks what a stranger has sent.
 *
 * @param text - the body as it was read: a string, unless its content type was missing
 */
export function readPostBody(text: unknown): PostBody | HttpRefusal {
  // Without a content type fastify parses no body.
  if (typeof text !== 'string') {
    const reason = 'Send the message with Content-Type: application/json.';
    return httpRefusal(415, new AsyncMcpError('ERR_MESSAGE_INVALID', reason));
  }
  const parsed = parseJson(text);
  if (!parsed.ok) return malformed(parsed);
  if (Array.isArray(parsed.value)) return readBatch(parsed.value, text);
  const checked = checkMessage(parsed.value);
  return checked.ok ? { messages: [checked.message], batched: false, text } : malformed(checked);
}

function readBatch(values: readonly unknown[], text: string): PostBody | HttpRefusal {
  if (values.length === 0 || values.length > MAX_BATCH) {
    return malformed({ code: JsonRpcErrorCode.invalidRequest, reason: `a batch has 1 to ${MAX_BATCH} messages` });
  }
  const messages: JSONRPCMessage[] = [];
  for (const value of values) {
    const checked = checkMessage(value);
    if (!checked.ok) return malformed(checked);
    messages.push(checked.message);
  }
  if (haveSameIds(messages.filter(isRequest))) {
    return malformed({ code: JsonRpcErrorCode.invalidRequest, reason: 'two requests of a batch have the same id' });
  }
  if (messages.some(isInitialize)) {
    return malformed({ code: JsonRpcErrorCode.invalidRequest, reason: 'initialize comes alone' });
  }
  return { messages, batched: true, text };
}

function haveSameIds(requests: readonly JSONRPCRequest[]): boolean {
  return new Set(requests.map(({ id }) => id)).size < requests.length;
}

export function isInitialize(message: JSONRPCMessage): message is JSONRPCRequest {
  return isRequest(message) && message.method === 'initialize';
}

function malformed({ id, code, reason }: Omit<MalformedMessage, 'ok'>): HttpRefusal {
  const error = new AsyncMcpError('ERR_MESSAGE_INVALID', `Message refused: ${reason}.`);
  return { status: 400, body: errorResponse(id, code, error) };
}
