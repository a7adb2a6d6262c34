import { connect } from 'node:net';
import { once } from 'node:events';
import { expect, it } from '@jest/globals';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { fastify } from 'fastify';
import fc from 'fast-check';
import { until } from '@asyncmcp/testkit';
import { WebhookServer } from '../src/index.js';
import { http, initialize, ping } from './http-client.js';
import { atTheEnd, endpoint, openSession, startServer } from './server-system.js';
import { openSockets } from './support.js';
import type { FastifyInstance } from 'fastify';
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

const body = fc.oneof(
  { weight: 6, arbitrary: message.map((one) => JSON.stringify(one)) },
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
  'x-session-id',
  'x-request-id',
  'x-method',
  'x-protocol-version',
  'x-message-id',
  'x-reply-to',
  'x-related-request-id',
  'x-attempt',
  'x-taken-by',
  'content-type',
  'authorization',
  'accept-encoding',
);
const headers = fc.dictionary(headerName, headerValue, { maxKeys: 8 });

const sent = fc.record({
  method: fc.oneof(
    { weight: 8, arbitrary: fc.constant('POST' as const) },
    { weight: 1, arbitrary: fc.constantFrom('DELETE', 'PUT', 'GET') },
  ),
  body,
  headers,
  inSession: fc.boolean(),
  typed: fc.integer({ min: 0, max: 9 }).map((die) => die > 0),
});

async function startInjected(): Promise<{ app: FastifyInstance; server: WebhookServer; errors: AsyncMcpError[] }> {
  const server = new WebhookServer({
    createServer: () => new McpServer({ name: 'fuzzed', version: '1.0.0' }),
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
  return { app, server, errors };
}

it('10,000 fuzzed requests: nothing but 503 above 499, every error a JSON-RPC error, and a good one is served afterwards', async () => {
  const hook = await endpoint();
  const sockets = openSockets();
  const { app, server, errors } = await startInjected();
  const url = '/mcp/request';
  const typed = { 'content-type': 'application/json' };
  const opened = await app.inject({
    method: 'POST',
    url,
    headers: { ...typed, 'x-client-id': 'client' },
    payload: initialize(hook.url),
  });
  const inSession = { 'x-client-id': 'client', 'x-session-id': String(opened.headers['x-session-id']) };
  await hook.reply(1);
  await fc.assert(
    fc.asyncProperty(sent, async (one) => {
      const all = { ...(one.typed && typed), ...one.headers, ...(one.inSession && inSession) };
      const { statusCode, body: answered } = await app.inject({
        method: one.method,
        url,
        headers: all,
        payload: one.body,
      });
      if (statusCode < 300) return;
      expect([400, 401, 404, 405, 413, 415, 429, 503]).toContain(statusCode);
      expect(JSON.parse(answered)).toMatchObject({
        jsonrpc: '2.0',
        error: { code: expect.any(Number), message: expect.any(String) },
      });
    }),
    { numRuns: RUNS },
  );
  // A fuzzed DELETE may have ended it.
  const again = await app.inject({
    method: 'POST',
    url,
    headers: { ...typed, 'x-client-id': 'good' },
    payload: initialize(hook.url, 'good'),
  });
  expect(again.statusCode).toBe(200);
  await hook.reply('good');
  // What was refused is no failure of the server's; that nobody listens at some of the URLs is.
  expect(errors.filter(({ code }) => code !== 'ERR_DELIVERY_FAILED')).toEqual([]);
  await until(() => server.sessions.list().every(({ callsInFlight }) => callsInFlight === 0), {
    message: 'all calls to end',
  });
  await app.close();
  expect(server.sessions.list()).toEqual([]);
  // Those that webhooks went over, and were to.
  await until(() => openSockets() <= sockets, { message: () => String(process.getActiveResourcesInfo()) });
}, 120_000);

/** Bytes that are no proper HTTP, or not all of it. */
const RAW = [
  'GARBAGE\r\n\r\n',
  'POST /mcp/request HTTP/1.1\r\n\r\n',
  'POST /mcp/request HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n',
  'POST /mcp/request HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
  'POST /mcp/request HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'POST /mcp/request HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
  'POST /mcp/request HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"json',
  `POST /mcp/request HTTP/1.1\r\nHost: a\r\nX-Client-ID: ${'x'.repeat(20_000)}\r\n\r\n`,
  'POST /mcp/request HTTP/1.1\r\nHost: a\r\nX-Client-ID: one\r\nX-Client-ID: two\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
];

it('bytes that are no HTTP, or end in the middle: no crash, nothing left open', async () => {
  const server = await startServer();
  const port = Number(new URL(server.url).port);
  for (const [index, text] of [...RAW, ...RAW, ...RAW].entries()) {
    const socket = connect(port, '127.0.0.1');
    const closed = once(socket, 'close');
    socket.on('error', () => {});
    await once(socket, 'connect');
    let answered = '';
    socket.on('data', (chunk: Buffer) => void (answered += chunk.toString('latin1')));
    socket.write(text, 'latin1');
    // Some hang up at once, some only when they have heard something or the rest would be due.
    if (index % 3 === 0) socket.destroy();
    else socket.end();
    await closed;
    expect(answered).not.toMatch(/^HTTP\/1.1 5(?!03)/);
  }
  const { headers, endpoint: hook } = await openSession(server);
  expect((await http('POST', server.url, { headers, body: ping(2) })).status).toBe(202);
  await hook.reply(2);
  expect(server.errors).toEqual([]);
});
