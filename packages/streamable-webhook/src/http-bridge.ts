import { once } from 'node:events';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** A fastify request as the SDK's transport takes one. Its body, which was read already, is handed over beside it. */
export function toWebRequest(request: FastifyRequest, added: Readonly<Record<string, string>> = {}): Request {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    if (typeof value === 'string') headers.set(name, value);
    else for (const one of value ?? []) headers.append(name, one);
  }
  for (const [name, value] of Object.entries(added)) headers.set(name, value);
  return new Request(urlOf(request), { method: request.method, headers });
}

/** The Host header is a stranger's: one that makes no URL is not worth failing for. */
function urlOf({ protocol, host, url }: FastifyRequest): string {
  const full = `${protocol}://${host}${url}`;
  return URL.canParse(full) ? full : `http://localhost${url}`;
}

/**
 * Writes a web response through a fastify reply: headers at once, even where the first event is an hour away, and as fast as the client
 * reads. Resolves when it is all written, or the client has gone. What hooks have set on the reply (CORS …) is sent, too.
 */
export async function writeWebResponse(response: Response, reply: FastifyReply): Promise<void> {
  const { raw } = reply;
  reply.hijack();
  for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) raw.setHeader(name, value);
  raw.writeHead(response.status, Object.fromEntries(response.headers));
  if (response.body === null) {
    raw.end();
    return;
  }
  raw.flushHeaders();
  await pump(response.body, reply);
}

async function pump(body: ReadableStream<Uint8Array>, { raw }: FastifyReply): Promise<void> {
  const reader = body.getReader();
  const gone = new AbortController();
  const onClose = (): void => {
    gone.abort();
    // Tells the SDK that nobody listens any more.
    void reader.cancel().catch(() => {});
  };
  raw.once('close', onClose);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || raw.destroyed) break;
      if (!raw.write(value)) await once(raw, 'drain', { signal: gone.signal });
    }
    raw.end();
  } catch {
    // The client has gone, or the SDK's stream failed, which it has reported: nothing whole can be sent any more.
    raw.destroy();
  } finally {
    raw.off('close', onClose);
  }
}
