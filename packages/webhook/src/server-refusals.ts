import { AsyncMcpError, errorCodeOf } from '@asyncmcp/core';
import { httpRefusal } from './http-errors.js';
import type { JSONRPCErrorResponse } from '@modelcontextprotocol/sdk/types.js';
import type { HttpRefusal } from './http-errors.js';
import type { PostOutcome } from './server-inbox.js';

/** How soon a client that is told to wait may ask again, in seconds. */
const RETRY_AFTER = { full: '1', sessionLimit: '5', closing: '1' };

/** What a sender is told whose message was refused, or cannot be taken now. */
export function refusalOf(outcome: Extract<PostOutcome, { kind: 'refused' | 'later' }>, attempt: number): HttpRefusal {
  if (outcome.kind === 'refused') return statusOf(outcome.refusal);
  const text = 'The message could not be handled now, or not by this process; send it again.';
  const error = new AsyncMcpError('ERR_UNAVAILABLE', text, { details: { attempt } });
  return httpRefusal(503, error, { 'retry-after': String(Math.ceil(outcome.delayMs / 1000)) });
}

/** The status that goes with a JSON-RPC error. */
export function statusOf(body: JSONRPCErrorResponse): HttpRefusal {
  switch (errorCodeOf(body)) {
    case 'ERR_SESSION_NOT_FOUND':
      return { status: 404, body };
    case 'ERR_SESSION_LIMIT':
      return { status: 503, body, headers: { 'retry-after': RETRY_AFTER.sessionLimit } };
    case 'ERR_MESSAGE_TOO_LARGE':
      return { status: 413, body };
    case 'ERR_CREATE_SERVER':
    case 'ERR_SESSION_STORE':
    case 'ERR_CALL_STORE':
    case 'ERR_INTERNAL':
      return { status: 500, body };
    default:
      return { status: 400, body };
  }
}

/** More is in the works than may be. */
export function tooMuch(full: 'server-full' | 'session-full'): HttpRefusal {
  const text = full === 'server-full' ? 'The server' : 'This session';
  const error = new AsyncMcpError(
    'ERR_UNAVAILABLE',
    `${text} has as many calls in flight as it may; send it again later.`,
  );
  return httpRefusal(full === 'server-full' ? 503 : 429, error, { 'retry-after': RETRY_AFTER.full });
}

/** It was posted again for a process that is not this one. */
export function elsewhere(): HttpRefusal {
  const text = 'Another process has taken this request and may be working on it; ask again, for that one.';
  const error = new AsyncMcpError('ERR_UNAVAILABLE', text, { details: { elsewhere: true } });
  return httpRefusal(503, error, { 'retry-after': '0' });
}

/** The server shuts down. */
export function closing(): HttpRefusal {
  const error = new AsyncMcpError(
    'ERR_CLOSED',
    'This server is shutting down; send the message again, another may take it.',
  );
  return httpRefusal(503, error, { 'retry-after': RETRY_AFTER.closing, connection: 'close' });
}
