import { isEventStream, requestEntry, traceEvents } from './http-entries.js';
import type { Trace } from './trace.js';

type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

/** The global `fetch`, and a record of what it sends and what comes back. */
export function traceFetch(trace: Trace, who: string): Fetch {
  return async (url, init = {}) => {
    const { method = 'GET', body } = init;
    const sessionId = new Headers(init.headers).get('mcp-session-id') ?? undefined;
    const text = typeof body === 'string' ? body : '';
    const entry = requestEntry({ method, path: new URL(url).pathname, body: text, sessionId, who });
    const record = trace.recordRequest(entry);
    try {
      const response = await fetch(url, init);
      const { status, statusText, headers } = response;
      const type = headers.get('content-type') ?? undefined;
      record.answered(status, type);
      if (response.body === null || !isEventStream(type)) return response;
      return new Response(response.body.pipeThrough(seenBy(traceEvents(trace, who))), { status, statusText, headers });
    } catch (error) {
      record.ended();
      throw error;
    }
  };
}

function seenBy(look: (bytes: Uint8Array) => void): TransformStream<Uint8Array, Uint8Array> {
  return new TransformStream({
    transform(bytes, controller) {
      look(bytes);
      controller.enqueue(bytes);
    },
  });
}
