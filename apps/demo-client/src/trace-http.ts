import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { isRecord } from '@asyncmcp/core';
import { describeMessage } from './describe-message.js';
import type { Trace } from './trace.js';

/** The members of undici's requests that are looked at here; which URL they are for, in two parts. */
interface Seen {
  readonly origin: string;
  readonly path: string;
  readonly method: string;
  /** Names and values in turn. */
  readonly headers: readonly unknown[];
  /** Bytes, once undici has taken it over. */
  readonly body: unknown;
}

/**
 * Records what this process sends to a URL, and how that is answered. It looks on from undici's diagnostics channels, so what it
 * records is what undici was given to send and what came back, not what the transport says of itself.
 *
 * @returns what ends it
 */
export function traceHttp(serverUrl: string, trace: Trace): () => void {
  const { origin, pathname, search } = new URL(serverUrl);
  const open = new WeakMap<object, (status: number | undefined) => void>();

  const onCreate = (message: unknown): void => {
    const request = requestIn(message);
    if (!isSeen(request) || String(request.origin) !== origin || request.path !== pathname + search) return;
    const body = textOf(request.body);
    const entry = { kind: 'sent', channel: `${request.method} ${pathname}`, at: performance.now() } as const;
    const bytes = Buffer.byteLength(body);
    open.set(request, trace.recordRequest({ ...entry, what: whatOf(request, body), bytes }));
  };
  const onHeaders = (message: unknown): void => {
    const response = isRecord(message) ? message['response'] : undefined;
    const status = isRecord(response) ? response['statusCode'] : undefined;
    open.get(requestIn(message))?.(typeof status === 'number' ? status : undefined);
  };
  const onError = (message: unknown): void => open.get(requestIn(message))?.(undefined);

  const listeners = { create: onCreate, headers: onHeaders, error: onError };
  for (const [name, listener] of Object.entries(listeners)) subscribe(`undici:request:${name}`, listener);
  return () => {
    for (const [name, listener] of Object.entries(listeners)) unsubscribe(`undici:request:${name}`, listener);
  };
}

function whatOf({ method, headers }: Seen, body: string): string {
  const at = headers.findIndex((name) => name === 'x-session-id');
  const sessionId = at < 0 ? undefined : String(headers[at + 1]);
  const type = method === 'DELETE' ? 'terminate' : 'jsonrpc';
  return describeMessage({ type, body, ...(sessionId !== undefined && { sessionId }) });
}

function textOf(body: unknown): string {
  return body instanceof Uint8Array ? Buffer.from(body).toString() : '';
}

/** An object in any case: the messages of a channel have no types. */
function requestIn(message: unknown): object {
  const request = isRecord(message) ? message['request'] : undefined;
  return typeof request === 'object' && request !== null ? request : {};
}

function isSeen(request: object): request is Seen {
  return 'path' in request && 'headers' in request && Array.isArray(request.headers);
}
