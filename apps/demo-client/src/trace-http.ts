import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { isRecord } from '@asyncmcp/core';
import { isEventStream, requestEntry, traceEvents } from './http-entries.js';
import type { RequestRecord, Trace } from './trace.js';

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

interface Open {
  readonly record: RequestRecord;
  /** Reads what comes, where that is a stream of events. */
  readEvents?: (bytes: Uint8Array) => void;
}

/**
 * Records what this process sends to a URL, and how that is answered, the events of streams included. It looks on from undici's
 * diagnostics channels, so what it records is what undici was given to send and what came back, not what the transport says of itself.
 *
 * @returns what ends it
 */
export function traceHttp(serverUrl: string, trace: Trace): () => void {
  const { origin, pathname, search } = new URL(serverUrl);
  const open = new WeakMap<object, Open>();

  const onCreate = (message: unknown): void => {
    const request = requestIn(message);
    if (!isSeen(request) || String(request.origin) !== origin || request.path !== pathname + search) return;
    // The body of what `fetch` sends is not to be seen here.
    if (headerOf(request.headers, 'sec-fetch-mode') !== undefined) return;
    const { method, headers } = request;
    const sessionId = headerOf(headers, 'mcp-session-id') ?? headerOf(headers, 'x-session-id');
    const entry = requestEntry({ method, path: pathname, body: textOf(request.body), sessionId });
    open.set(request, { record: trace.recordRequest(entry) });
  };
  const onHeaders = (message: unknown): void => {
    const seen = open.get(requestIn(message));
    const response = isRecord(message) ? message['response'] : undefined;
    if (seen === undefined || !isRecord(response)) return;
    const { statusCode: status, headers } = response;
    const type = headerOf(Array.isArray(headers) ? headers : [], 'content-type');
    seen.record.answered(typeof status === 'number' ? status : undefined, type);
    if (isEventStream(type)) seen.readEvents = traceEvents(trace);
  };
  const onChunk = (message: unknown): void => {
    const chunk = isRecord(message) ? message['chunk'] : undefined;
    if (chunk instanceof Uint8Array) open.get(requestIn(message))?.readEvents?.(chunk);
  };
  const onEnd = (message: unknown): void => open.get(requestIn(message))?.record.ended();

  const listeners = {
    create: onCreate,
    headers: onHeaders,
    bodyChunkReceived: onChunk,
    trailers: onEnd,
    error: onEnd,
  };
  for (const [name, listener] of Object.entries(listeners)) subscribe(`undici:request:${name}`, listener);
  return () => {
    for (const [name, listener] of Object.entries(listeners)) unsubscribe(`undici:request:${name}`, listener);
  };
}

/** Undici has headers as text when it sends them, and as bytes when they come. */
function headerOf(headers: readonly unknown[], wanted: string): string | undefined {
  const at = headers.findIndex((name, index) => index % 2 === 0 && String(name).toLowerCase() === wanted);
  return at < 0 ? undefined : String(headers[at + 1]);
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
