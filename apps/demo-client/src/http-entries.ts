import { createEventReader } from './event-reader.js';
import { describeMessage } from './describe-message.js';
import type { Trace, TraceEntry } from './trace.js';

/** An HTTP request on its way to the server. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly body: string;
  readonly sessionId: string | undefined;
  /** Whose it is, where there are several: `stock`. */
  readonly who?: string | undefined;
}

/** The entry of a request. One without a body carries no message, and counts as none. */
export function requestEntry(request: SeenRequest): TraceEntry {
  const { method, path, body, who } = request;
  const entry = { kind: 'sent', channel: `${prefix(who)}${method} ${path}`, at: performance.now() } as const;
  if (method === 'GET') return { ...entry, what: 'what the server says itself' };
  return { ...entry, what: whatOf(request), bytes: Buffer.byteLength(body) };
}

function whatOf({ method, body, sessionId }: SeenRequest): string {
  const type = method === 'DELETE' ? 'terminate' : 'jsonrpc';
  return describeMessage({ type, body, ...(sessionId !== undefined && { sessionId }) });
}

/** Records the events of a stream. */
export function traceEvents(trace: Trace, who?: string): (bytes: Uint8Array) => void {
  return createEventReader((body) => {
    const what = describeMessage({ type: 'jsonrpc', body });
    const channel = `${prefix(who)}SSE event`;
    trace.record({ kind: 'received', channel, what, bytes: Buffer.byteLength(body), at: performance.now() });
  });
}

export function isEventStream(contentType: string | undefined): boolean {
  return contentType?.startsWith('text/event-stream') === true;
}

function prefix(who: string | undefined): string {
  return who === undefined ? '' : `${who}: `;
}
