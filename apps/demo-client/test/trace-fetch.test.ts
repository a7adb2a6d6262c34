import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Trace } from '../src/trace.js';
import { traceFetch } from '../src/trace-fetch.js';
import { traceHttp } from '../src/trace-http.js';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

const ping = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' });
const pong = JSON.stringify({ jsonrpc: '2.0', id: 1, result: {} });

describe('traceFetch', () => {
  let server: Server;
  let url: string;
  let trace: Trace;

  beforeEach(async () => {
    server = createServer((incoming, response) => {
      incoming.resume();
      if (incoming.method === 'POST') {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).end(`data: ${pong}\n\n`);
      } else response.writeHead(404, { 'content-type': 'application/json' }).end('{}');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
    trace = new Trace();
  });

  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  it('records what is sent, the events that come, and passes them on', async () => {
    const response = await traceFetch(trace, 'stock')(url, { method: 'POST', body: ping });
    expect(await response.text()).toBe(`data: ${pong}\n\n`);
    expect(trace.take()).toMatchObject([
      {
        kind: 'sent',
        channel: 'stock: POST /mcp',
        what: 'ping #1',
        answer: { status: 200, type: 'text/event-stream' },
      },
      { kind: 'received', channel: 'stock: SSE event', what: 'result #1', bytes: pong.length },
    ]);
  });

  it('records what is refused, and what cannot be sent', async () => {
    const fetch = traceFetch(trace, 'stock');
    await fetch(url, { method: 'DELETE', headers: { 'mcp-session-id': '1f3a9b02-1234' } });
    await expect(fetch('http://127.0.0.1:1/mcp', { method: 'GET' })).rejects.toThrow('fetch failed');
    expect(trace.take()).toMatchObject([
      { channel: 'stock: DELETE /mcp', what: 'end of session 1f3a9b02', answer: { status: 404 }, refused: true },
      { channel: 'stock: GET /mcp', answer: { status: undefined }, refused: true },
    ]);
  });

  it('is not recorded twice by who looks at all requests of the process', async () => {
    const end = traceHttp(url, trace);
    await (await traceFetch(trace, 'stock')(url, { method: 'POST', body: ping })).text();
    end();
    expect(trace.take().map(({ channel }) => channel)).toEqual(['stock: POST /mcp', 'stock: SSE event']);
  });
});
