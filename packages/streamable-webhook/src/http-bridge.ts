import { IncomingHeaders, IncomingRequest } from './incoming-request.js';
import type { OutgoingHttpHeader, ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';

/**
 * A fastify request as the SDK's transport takes one. Its body, which was read already, is handed over beside it.
 *
 * Not a `Request` of Node's, which costs a tenth of a call: what a transport reads of it is here, and the rest is made when it is asked for.
 */
export function toWebRequest(request: FastifyRequest): Request {
  const { method, headers } = request;
  return new IncomingRequest(method, urlOf(request), new IncomingHeaders(headers)) as unknown as Request;
}

const HOST = /^[\w.-]+(?::\d{1,5})?$|^\[[\da-f:.]+\](?::\d{1,5})?$/i;

/** The Host header is a stranger's: one that makes no URL is not worth failing for. */
function urlOf({ protocol, host, url }: FastifyRequest): string {
  return HOST.test(host) ? `${protocol}://${host}${url}` : `http://localhost${url}`;
}

/**
 * Writes a web response through a fastify reply: as fast as the client reads, and its headers soon, even where the first event is an
 * hour away. Resolves when it is all written, or the client has gone. What hooks have set on the reply (CORS …) is sent, too.
 *
 * @param whenAnnounced - called when the headers were sent, which is at once then
 */
export async function writeWebResponse(
  response: Response,
  reply: FastifyReply,
  whenAnnounced?: () => void,
): Promise<void> {
  const { raw } = reply;
  const { status, body } = response;
  reply.hijack();
  const flat = flatHeaders(reply, response);
  if (whenAnnounced !== undefined) raw.writeHead(status, flat).flushHeaders();
  whenAnnounced?.();
  if (body !== null) await pump(body, raw, status, flat);
  else if (raw.headersSent) raw.end();
  else raw.writeHead(status, flat).end();
}

/** Name, value, name, value: as node writes them fastest. What the response says itself goes before what hooks have set. */
function flatHeaders(reply: FastifyReply, response: Response): OutgoingHttpHeader[] {
  const flat: OutgoingHttpHeader[] = [];
  for (const [name, value] of response.headers) {
    // Of the connection node speaks itself, and HTTP/2 must not hear of it (RFC 9113, 8.2.2).
    if (name !== 'connection') flat.push(name, value);
  }
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined && !response.headers.has(name)) flat.push(name, value);
  }
  return flat;
}

/** Most that is sent in one piece, in bytes, give or take a message. */
const MOST_AT_ONCE = 65_536;

/**
 * What is there at once is sent at once, in one piece with the headers: a quick answer takes one packet, and a third of the time on
 * this side goes into sending.
 */
async function pump(
  body: ReadableStream<Uint8Array>,
  raw: ServerResponse,
  status: number,
  headers: readonly OutgoingHttpHeader[],
): Promise<void> {
  const reader = body.getReader();
  // Tells the SDK that nobody listens any more.
  const onClose = (): void => void reader.cancel().catch(() => {});
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  const announce = (): void => {
    if (raw.headersSent || raw.destroyed) return;
    raw.writeHead(status, [...headers]);
    raw.flushHeaders();
  };
  const send = (): void => {
    if (waiting.length === 0 || raw.destroyed) return;
    if (!raw.headersSent) raw.writeHead(status, [...headers]);
    raw.write(Buffer.concat(waiting));
    waiting = [];
    waitingBytes = 0;
  };
  raw.once('close', onClose);
  const announcing = setImmediate(announce);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || raw.destroyed) break;
      if (waiting.push(value) === 1) process.nextTick(send);
      waitingBytes += value.length;
      // Who says so much in one go keeps the tick from coming.
      if (waitingBytes > MOST_AT_ONCE) send();
      if (raw.writableNeedDrain) await drainedOrClosed(raw);
    }
    const rest = Buffer.concat(waiting);
    waiting = [];
    if (!raw.headersSent) raw.writeHead(status, [...headers, 'content-length', rest.length]);
    // As text, whose every character is a byte: node puts that into one buffer with the headers, where bytes stay apart.
    raw.end(rest.toString('latin1'), 'latin1');
  } catch {
    // The client has gone, or the SDK's stream failed, which it has reported: nothing whole can be sent any more.
    raw.destroy();
  } finally {
    clearImmediate(announcing);
    raw.off('close', onClose);
  }
}

/** Resolves when a connection takes more, or is closed. */
export function drainedOrClosed(raw: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      raw.off('drain', done).off('close', done);
      resolve();
    };
    raw.once('drain', done).once('close', done);
  });
}
