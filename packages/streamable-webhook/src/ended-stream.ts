import { AsyncMcpError, JsonRpcErrorCode, errorResponse, isResponse } from '@asyncmcp/core';
import type { SessionEvents, StreamEvents } from './event-store.js';

/**
 * What a client has missed of a stream that has ended, and its end; undefined for any other stream. The SDK would hold the
 * connection open, though nothing more can come over it, and the session would never be idle.
 *
 * @param batchIsOpen - whether a batch of the session is not answered in full: its stream does not end with the first answer
 */
export async function restOfEndedStream(
  events: SessionEvents,
  lastEventId: string,
  sessionId: string,
  batchIsOpen: boolean,
): Promise<Response | undefined> {
  let missed: StreamEvents | undefined;
  try {
    missed = await events.eventsAfter(lastEventId);
  } catch {
    return notNow();
  }
  const last = missed?.events.at(-1)?.[1];
  if (missed === undefined || last === undefined || !isResponse(last) || batchIsOpen) return undefined;
  const text = missed.events.map(([id, message]) => `event: message\nid: ${id}\ndata: ${JSON.stringify(message)}\n\n`);
  const headers = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-transform' };
  return new Response(text.join(''), { headers: { ...headers, 'mcp-session-id': sessionId } });
}

/** The store has failed, which it has reported. */
function notNow(): Response {
  const error = new AsyncMcpError('ERR_UNAVAILABLE', 'What was missed could not be looked up; try again.');
  const body = errorResponse(undefined, JsonRpcErrorCode.internalError, error);
  return Response.json(body, { status: 503, headers: { 'retry-after': '1' } });
}
