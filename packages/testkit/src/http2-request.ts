import { once } from 'node:events';
import { connect } from 'node:http2';
import { text } from 'node:stream/consumers';

/** What is asked over HTTP/2. */
export interface Http2Request {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Http2Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** Asks once over HTTP/2 without TLS, on a connection of its own. */
export async function http2Request(url: string, { method, headers = {}, body }: Http2Request): Promise<Http2Answer> {
  const { origin, pathname } = new URL(url);
  const session = connect(origin);
  try {
    const stream = session.request({ ':method': method, ':path': pathname, ...headers });
    stream.end(body);
    const [answered, whole] = await Promise.all([once(stream, 'response'), text(stream)]);
    const [received] = answered as [Record<string, unknown>];
    return { status: Number(received[':status']), headers: received, text: whole };
  } finally {
    session.close();
  }
}
