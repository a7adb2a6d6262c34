import { connect } from 'node:net';
import { once } from 'node:events';
import { expect, it } from '@jest/globals';
import { until } from '@asyncmcp/testkit';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { fastify } from 'fastify';
import fc from 'fast-check';
import { Client } from 'undici';
import { z } from 'zod';
import { MemoryEventStore } from './memory-event-store.js';
import { StreamableWebhookServer } from '../src/index.js';
import {
  atTheEnd,
  call,
  hookEndpoint,
  initialize,
  messagesIn,
  openSession,
  ping,
  post,
  startServer,
} from './server-system.js';
import type { AsyncMcpError } from '@asyncmcp/core';

const RUNS = 10_000;

/** Things that come close to a message of MCP. */
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.string(),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    tie('list'),
    tie('object'),
  ),
  list: fc.array(tie('value'), { maxLength: 3 }),
  object: fc.dictionary(
    fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', '_meta', 'progressToken')),
    tie('value'),
    { maxKeys: 4 },
  ),
})).value;

const method = fc.oneof(
  fc.constantFrom(
    'initialize',
    'ping',
    'tools/call',
    'tools/list',
    'server/discover',
    'notifications/initialized',
    'notifications/cancelled',
    'notifications/progress',
    'logging/setLevel',
  ),
  fc.string(),
);

/** None that would be looked up or sent to beyond this machine. */
const URLS = [
  'http://127.0.0.1:1/',
  'https://10.0.0.1/',
  'http://localhost/',
  'https://[::1]/',
  'http://0x7f.1/',
  'https://a:b@c/',
];

const message = fc.record(
  {
    jsonrpc: fc.oneof({ weight: 9, arbitrary: fc.constant('2.0') }, { weight: 1, arbitrary: json }),
    id: fc.oneof(fc.nat(20), fc.string(), json),
    method,
    params: fc.oneof(
      json,
      fc.record({
        _meta: fc.record(
          { webhookUrl: fc.oneof(fc.constantFrom(...URLS), fc.string()), webhookSecret: json },
          { requiredKeys: [] },
        ),
      }),
    ),
    result: json,
    error: fc.oneof(json, fc.record({ code: fc.integer(), message: fc.string() })),
  },
  { requiredKeys: ['jsonrpc'] },
);

/** Of tools that are there, or nearly. */
const toolCall = fc
  .record({
    name: fc.oneof(fc.constantFrom('echo', 'echo_by_webhook', '__proto__', 'constructor'), json),
    arguments: json,
  })
  .map((params) => ({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }));

const body = fc.oneof(
  { weight: 6, arbitrary: message.map((one) => JSON.stringify(one)) },
  { weight: 2, arbitrary: fc.array(message, { maxLength: 4 }).map((batch) => JSON.stringify(batch)) },
  { weight: 2, arbitrary: toolCall.map((one) => JSON.stringify(one)) },
  { weight: 1, arbitrary: json.map((one) => JSON.stringify(one) ?? '') },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
  { weight: 1, arbitrary: fc.nat(5000).map((depth) => '['.repeat(depth)) },
);

const headerValue = fc.oneof(
  fc.stringMatching(/^[\x20-\x7e]{0,40}$/),
  fc.constantFrom('application/json', '2025-06-18', '1', '99999999999', 'client', 'a, b'),
);
const headerName = fc.constantFrom(
  'x-client-id',
  'mcp-session-id',
  'x-session-id',
  'x-request-id',
  'x-method',
  'mcp-protocol-version',
  'last-event-id',
  'x-message-id',
  'x-reply-to',
  'x-related-request-id',
  'x-attempt',
  'x-taken-by',
  'content-type',
  'authorization',
  'accept',
  'host',
  'origin',
);
const headers = fc.dictionary(headerName, headerValue, { maxKeys: 8 });

const sent = fc.record({
  method: fc.oneof(
    { weight: 20, arbitrary: fc.constant('POST' as const) },
    { weight: 1, arbitrary: fc.constantFrom('DELETE', 'PUT', 'GET') },
  ),
  body,
  headers,
  inSession: fc.boolean(),
  typed: fc.integer({ min: 0, max: 9 }).map((die) => die > 0),
});

const TYPED = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

function createFuzzed(): McpServer {
  const mcp = new McpServer({ name: 'fuzzed', version: '1.0.0' });
  for (const name of ['echo', 'echo_by_webhook']) {
    mcp.registerTool(name, { inputSchema: { value: z.string() } }, ({ value }) => ({
      content: [{ type: 'text', text: value }],
    }));
  }
  return mcp;
}

it('10,000 fuzzed requests: nothing but 503 above 499, every error a JSON-RPC error, and a good one is served afterwards', async () => {
  const server = new StreamableWebhookServer({
    createServer: createFuzzed,
    webhookTools: ['echo_by_webhook'],
    drainTimeoutMs: 100,
    deliverForMs: 0,
    maxSessions: 5000,
    allowWebhookUrl: ({ hostname }) => hostname === '127.0.0.1',
  });
  const errors: AsyncMcpError[] = [];
  server.onerror = (error) => void errors.push(error);
  const app = fastify();
  await app.register(server.plugin);
  atTheEnd(() => app.close());
  const hook = await hookEndpoint();
  const open = (id: string) =>
    app.inject({ method: 'POST', url: '/mcp', headers: TYPED, payload: initialize({ webhookUrl: hook.url }, id) });
  const opened = await open('first');
  const session = { 'mcp-session-id': String(opened.headers['mcp-session-id']) };
  await fc.assert(
    fc.asyncProperty(sent, async (one) => {
      // A GET in a session is a stream without an end.
      const inSession = one.inSession && one.method !== 'GET';
      const all = { ...(one.typed && TYPED), ...one.headers, ...(inSession && session) };
      const answer = await app.inject({ method: one.method, url: '/mcp', headers: all, payload: one.body });
      if (answer.statusCode < 300) return;
      expect([400, 401, 403, 404, 405, 406, 413, 415, 429, 503]).toContain(answer.statusCode);
      expect(JSON.parse(answer.body)).toMatchObject({
        jsonrpc: '2.0',
        error: { code: expect.any(Number), message: expect.any(String) },
      });
    }),
    { numRuns: RUNS },
  );
  // A fuzzed DELETE may have ended the first.
  const again = await open('good');
  expect(messagesIn(again.body)).toMatchObject([{ id: 'good', result: {} }]);
  // What was refused is no failure of the server's; that nobody listens at some of the URLs is.
  expect(errors.filter(({ code }) => code !== 'ERR_DELIVERY_FAILED')).toEqual([]);
  await until(() => server.sessions.list().every(({ callsInFlight }) => callsInFlight === 0), {
    message: 'all calls to end',
  });
}, 120_000);

it.each([
  ['without sessions', { stateless: true }],
  ['with JSON for answers', { jsonResponse: true }],
  ['where events are kept', { eventStore: new MemoryEventStore() }],
])(
  '1,000 fuzzed requests over sockets, %s: the same, and no connection is left',
  async (_how, options) => {
    const server = new StreamableWebhookServer({ createServer: createFuzzed, drainTimeoutMs: 100, ...options });
    const errors: AsyncMcpError[] = [];
    server.onerror = (error) => void errors.push(error);
    const app = fastify();
    await app.register(server.plugin);
    const origin = await app.listen({ host: '127.0.0.1', port: 0 });
    atTheEnd(() => app.close());
    const client = new Client(origin);
    const open = (id: string) =>
      client.request({ method: 'POST', path: '/mcp', headers: TYPED, body: JSON.stringify(initialize(undefined, id)) });
    const opened = await open('first');
    await opened.body.dump();
    const session = opened.headers['mcp-session-id'];
    const own = typeof session === 'string' ? { 'mcp-session-id': session } : {};
    await fc.assert(
      fc.asyncProperty(sent, async (one) => {
        // undici's own assertions take no Host that is none.
        const { host: _host, ...given } = one.headers;
        const headers = { ...(one.typed && TYPED), ...given, ...(one.inSession && own) };
        const payload = one.method === 'GET' ? {} : { body: one.body };
        const answer = await client.request({ method: one.method, path: '/mcp', headers, ...payload });
        if (answer.statusCode < 300) {
          // A GET in a session is a stream without an end, and this one hangs up.
          if (one.method === 'GET') answer.body.on('error', () => {}).destroy();
          else await answer.body.dump();
          return;
        }
        expect([400, 401, 403, 404, 405, 406, 409, 413, 415, 429, 503]).toContain(answer.statusCode);
        expect(await answer.body.json()).toMatchObject({
          jsonrpc: '2.0',
          error: { code: expect.any(Number), message: expect.any(String) },
        });
      }),
      { numRuns: 1000 },
    );
    const again = await open('good');
    expect(messagesIn(await again.body.text())).toMatchObject([{ id: 'good', result: {} }]);
    expect(errors).toEqual([]);
    await client.close();
    const connections = () =>
      new Promise<number>((resolve, reject) => {
        app.server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
      });
    await until(async () => (await connections()) === 0, { message: 'every connection to be gone' });
  },
  60_000,
);

/** Bytes that are no proper HTTP, or not all of it. */
const RAW = [
  'GARBAGE\r\n\r\n',
  'POST /mcp HTTP/1.1\r\n\r\n',
  'POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n',
  'POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"json',
  'POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
  `POST /mcp HTTP/1.1\r\nHost: localhost\r\nMcp-Session-Id: ${'x'.repeat(20_000)}\r\n\r\n`,
  'POST /mcp HTTP/1.1\r\nHost: :::\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}',
  'GET /mcp HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: \x01\r\n\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
];

it('bytes that are no HTTP, or end in the middle: no crash, and others are served', async () => {
  const server = await startServer();
  const port = Number(new URL(server.url).port);
  for (const bytes of [...RAW, ...RAW]) {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    socket.end(bytes);
    socket.resume();
    socket.once('error', () => {});
    await once(socket, 'close');
  }
  const { headers } = await openSession(server);
  expect(await post(server.url, ping(1), headers)).toMatchObject({ status: 200 });
  expect(server.errors).toEqual([]);
});

it('a client that hangs up in the middle of anything leaves nothing behind', async () => {
  const server = await startServer({ maxCallsInFlight: 20, maxCallsPerSession: 20 });
  const { headers } = await openSession(server);
  const { port } = new URL(server.url);
  server.finish();
  for (let round = 0; round < 60; round++) {
    const body = JSON.stringify(call(round, round % 2 === 0 ? 'slow' : 'echo', { value: 'x'.repeat(round * 1000) }));
    const lines = Object.entries({ ...TYPED, ...headers, host: 'localhost', 'content-length': String(body.length) });
    const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    const socket = connect(Number(port), '127.0.0.1');
    await once(socket, 'connect');
    socket.once('error', () => {});
    socket.write(`POST /mcp HTTP/1.1\r\n${head}\r\n${body}`, () => socket.destroy());
    await once(socket, 'close');
  }
  await until(() => server.server.sessions.list()[0]?.callsInFlight === 0, { message: 'all calls to end' });
  // Each of them would have kept a place in the works.
  expect(await post(server.url, call('last', 'echo', { value: '' }), headers)).toMatchObject({ status: 200 });
}, 30_000);
