import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';
import { AsyncMcpError } from '@asyncmcp/core';
import type { SessionEvents } from './event-store.js';

export interface SdkTransportOptions {
  readonly jsonResponse: boolean;
  readonly retryIntervalMs: number | undefined;
  readonly keepAliveMs: number;
}

/** What the SDK's transport is told to make it go on with a session. Of before resumable streams: no event is stored for it. */
const PRIMER = {
  jsonrpc: '2.0' as const,
  id: 'asyncmcp-primer',
  method: 'initialize',
  params: { protocolVersion: '2025-03-26', capabilities: {}, clientInfo: { name: 'asyncmcp', version: '0' } },
};

const PRIMER_HEADERS = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' };

/**
 * An HTTP transport of the SDK's for a session that exists. It serves a session once it has seen an `initialize`; here the host
 * answers that, and sessions outlive processes.
 *
 * @throws AsyncMcpError `ERR_INTERNAL` for an SDK that does not take it
 */
export async function openSdkTransport(
  sessionId: string,
  events: SessionEvents | undefined,
  { jsonResponse, retryIntervalMs, keepAliveMs }: SdkTransportOptions,
): Promise<WebStandardStreamableHTTPServerTransport> {
  const transport = new WebStandardStreamableHTTPServerTransport({
    sessionIdGenerator: () => sessionId,
    enableJsonResponse: jsonResponse,
    keepAliveMs,
    ...(events !== undefined && { eventStore: events }),
    ...(retryIntervalMs !== undefined && { retryInterval: retryIntervalMs }),
  });
  const request = new Request('http://localhost/', { method: 'POST', headers: PRIMER_HEADERS });
  const answering = transport.handleRequest(request, { parsedBody: PRIMER });
  if (jsonResponse) await transport.send({ jsonrpc: '2.0', id: PRIMER.id, result: {} });
  const { body, ok } = await answering;
  await body?.cancel();
  if (!ok) throw new AsyncMcpError('ERR_INTERNAL', 'The HTTP transport of the MCP SDK did not take a session up.');
  return transport;
}
