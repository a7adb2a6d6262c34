import {
  AsyncMcpError,
  JsonRpcErrorCode,
  SUPPORTED_PROTOCOL_VERSIONS,
  errorResponse,
  isAsyncMcpError,
  isRequest,
  toAsyncMcpError,
  unknownSession,
} from '@asyncmcp/core';
import { httpRefusal } from '@asyncmcp/webhook/parts';
import type { InboundEnvelope, SessionHost, SessionRecord } from '@asyncmcp/core';
import type { HttpRefusal } from '@asyncmcp/webhook/parts';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';

export interface LookupOptions {
  readonly host: SessionHost;
  readonly report: (error: AsyncMcpError) => void;
}

/** Why a protocol version is refused, if it is; none named is that of the session. */
export function wrongVersion(version: string | string[] | undefined): HttpRefusal | undefined {
  if (version === undefined || (typeof version === 'string' && SUPPORTED_PROTOCOL_VERSIONS.includes(version))) {
    return undefined;
  }
  const shown = JSON.stringify(String(version).slice(0, 100));
  const text = `Protocol version ${shown} is not supported. Supported: ${SUPPORTED_PROTOCOL_VERSIONS.join(', ')}.`;
  return httpRefusal(400, new AsyncMcpError('ERR_PROTOCOL_VERSION', text));
}

/** The session of a POST, live here; or why there is none. */
export async function findSession(
  metadata: InboundEnvelope,
  message: JSONRPCMessage | undefined,
  { host, report }: LookupOptions,
): Promise<SessionRecord | HttpRefusal> {
  const { sessionId } = metadata;
  if (sessionId === undefined) return withoutSession(message);
  try {
    const record = host.liveRecord(sessionId, metadata) ?? (await host.takeUp(sessionId, metadata));
    return record ?? notFound(sessionId, message);
  } catch (error) {
    const failure = toAsyncMcpError(error, 'ERR_INTERNAL', `Session ${sessionId} could not be taken up`);
    // That it has too many sessions, or is closing, is no defect of the server.
    if (!isAsyncMcpError(error, 'ERR_SESSION_LIMIT') && !isAsyncMcpError(error, 'ERR_CLOSED')) report(failure);
    const text = `The session could not be taken up for now (${failure.code}); try again later.`;
    const refusal = new AsyncMcpError(failure.code, text);
    return httpRefusal(503, refusal, { 'retry-after': '1' });
  }
}

/** A newer client asks first which revision it speaks to, and has to hear in so many words that the method is not known. */
function withoutSession(message: JSONRPCMessage | undefined): HttpRefusal {
  const id = message !== undefined && isRequest(message) ? message.id : undefined;
  if (message !== undefined && isRequest(message) && message.method === 'server/discover') {
    const error = new AsyncMcpError('ERR_SESSION_REQUIRED', 'Method not found: server/discover');
    return { status: 200, body: errorResponse(id, JsonRpcErrorCode.methodNotFound, error) };
  }
  const text = 'Header Mcp-Session-Id is missing or malformed; open a session with initialize.';
  const error = new AsyncMcpError('ERR_SESSION_REQUIRED', text);
  return { status: 400, body: errorResponse(id, JsonRpcErrorCode.invalidRequest, error) };
}

function notFound(sessionId: string, message: JSONRPCMessage | undefined): HttpRefusal {
  const id = message !== undefined && isRequest(message) ? message.id : undefined;
  const { code, error } = unknownSession(sessionId);
  return { status: 404, body: errorResponse(id, code, error) };
}
