import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { request } from 'undici';
import { Trace } from '../src/trace.js';
import { traceHttp } from '../src/trace-http.js';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const ping = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' });

const pong = JSON.stringify({ jsonrpc: '2.0', id: 1, result: {} });

/** An event in two pieces, the second a moment later. */
function stream(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(`: hello\n\ndata: ${pong.slice(0, 10)}`);
  setTimeout(() => response.end(`${pong.slice(10)}\n\n`), 20);
}

describe('traceHttp', () => {
  let server: Server;
  let url: string;
  let trace: Trace;
  let end: () => void;

  beforeEach(async () => {
    server = createServer((incoming, response) => {
      incoming.resume();
      if (incoming.url === '/mcp?hang-up') incoming.socket.destroy();
      else if (incoming.url === '/mcp?stream') stream(response);
      else response.writeHead(incoming.method === 'DELETE' ? 404 : 202).end('{}');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    url = `http://127.0.0.1:${port}/mcp`;
    trace = new Trace();
    end = traceHttp(url, trace);
  });

  afterEach(() => {
    end();
    server.closeAllConnections();
    server.close();
  });

  async function send(to: string, options: Parameters<typeof request>[1]): Promise<void> {
    const { body } = await request(to, { reset: true, ...options });
    await body.dump();
  }

  it('records what is posted, how it is answered and how soon', async () => {
    await send(url, { method: 'POST', body: ping });
    expect(trace.take()).toEqual([
      {
        kind: 'sent',
        channel: 'POST /mcp',
        what: 'ping #1',
        bytes: ping.length,
        at: expect.any(Number),
        answer: { status: 202, elapsedMs: expect.any(Number), endedAt: expect.any(Number) },
        refused: false,
      },
    ]);
    expect(trace.messages).toBe(1);
  });

  it('records the end of a session, and what is refused', async () => {
    await send(url, { method: 'DELETE', headers: { 'x-session-id': '1f3a9b02-1234' } });
    const what = 'end of session 1f3a9b02';
    expect(trace.take()).toMatchObject([{ channel: 'DELETE /mcp', what, answer: { status: 404 }, refused: true }]);
  });

  it('records what gets no answer', async () => {
    end();
    end = traceHttp(`${url}?hang-up`, trace);
    await expect(send(`${url}?hang-up`, { method: 'POST', body: ping })).rejects.toThrow('other side closed');
    expect(trace.take()).toMatchObject([{ what: 'ping #1', answer: { status: undefined }, refused: true }]);
  });

  it('records the events of a stream, and when it has ended', async () => {
    end();
    end = traceHttp(`${url}?stream`, trace);
    const { body } = await request(`${url}?stream`, { method: 'POST', body: ping, reset: true });
    const [sent] = trace.entries;
    expect(sent).toMatchObject({ what: 'ping #1', answer: { status: 200, type: 'text/event-stream' } });
    expect(sent).toMatchObject({ answer: { endedAt: undefined } });
    await body.dump();
    const [, event] = trace.take();
    expect(event).toMatchObject({ kind: 'received', channel: 'SSE event', what: 'result #1', bytes: pong.length });
    expect(sent).toMatchObject({ answer: { endedAt: expect.any(Number) } });
  });

  it('looks at one URL only, and no longer than it is asked to', async () => {
    await send(`${url}/elsewhere`, { method: 'POST', body: ping });
    await send(`${url}?other`, { method: 'POST', body: ping });
    end();
    await send(url, { method: 'POST', body: ping });
    expect(trace.take()).toEqual([]);
  });

  it('waits for answers that are still to come', async () => {
    const sending = send(url, { method: 'POST', body: ping });
    expect(trace.take()).toMatchObject([{ answer: 'awaited' }]);
    await trace.answered();
    await sending;
    await send(url, { method: 'POST', body: ping });
    expect(trace.take()).toMatchObject([{ answer: { status: 202 } }]);
  });
});
