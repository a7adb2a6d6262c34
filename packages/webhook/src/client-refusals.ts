import {
  AsyncMcpError,
  JsonRpcErrorCode,
  createDelivery,
  createMetadata,
  errorResponse,
  isAsyncMcpError,
  isRecord,
} from '@asyncmcp/core';
import type { AsyncMcpErrorCode, Delivery } from '@asyncmcp/core';
import type { JSONRPCErrorResponse, RequestId } from '@modelcontextprotocol/sdk/types.js';

/** What is said of a request that is lost for good. */
const LOST: readonly AsyncMcpErrorCode[] = ['ERR_SESSION_NOT_FOUND', 'ERR_TOO_MANY_ATTEMPTS'];

/** Whether a refusal says that nobody works on a request any more; after any other, the reply may still come. */
export function isLost(failure: AsyncMcpError): boolean {
  return LOST.includes(failure.code);
}

/** That a method is not known answers a question, such as a newer client's probe; it is no failure to send. */
export function isMethodNotFound(error: unknown): error is AsyncMcpError {
  const theirs = isAsyncMcpError(error) ? error.details['error'] : undefined;
  return isRecord(theirs) && theirs['code'] === JsonRpcErrorCode.methodNotFound;
}

/** A refusal that says that the session is no more, as the error that its client gets. */
export function sessionLost(error: unknown, sessionId: string | undefined): AsyncMcpError | undefined {
  if (sessionId === undefined || !isAsyncMcpError(error, 'ERR_SESSION_NOT_FOUND')) return undefined;
  const text = `The server no longer knows session ${sessionId}; connect again with a new transport.`;
  return new AsyncMcpError('ERR_SESSION_LOST', text, { cause: error, details: { ...error.details, sessionId } });
}

/** The server's own error, under the id of the request it refuses. */
function refusalFor(id: RequestId, failure: AsyncMcpError): JSONRPCErrorResponse {
  const theirs = failure.details['error'];
  if (!isRecord(theirs)) return errorResponse(id, JsonRpcErrorCode.internalError, failure);
  // Checked when it was read from the answer.
  return { jsonrpc: '2.0', id, error: theirs as JSONRPCErrorResponse['error'] };
}

/** A server's refusal of a request, as if it had come the way replies come. */
export function refusalDelivery(clientId: string, id: RequestId, failure: AsyncMcpError): Delivery {
  const message = refusalFor(id, failure);
  const envelope = { ...createMetadata({ clientId }), type: 'jsonrpc' as const, extended: true, body: '', message };
  const done = async (): Promise<void> => {};
  return createDelivery(envelope, 1, { ack: done, retry: done, reject: done });
}
