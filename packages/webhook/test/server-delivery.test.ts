import { inspect } from 'node:util';
import { connect } from 'node:net';
import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { MemorySessionStore } from '@asyncmcp/core';
import { until } from '@asyncmcp/testkit';
import { z } from 'zod';
import { WebhookServer } from '../src/index.js';
import { http, initialize, ping, toolCall } from './http-client.js';
import { atTheEnd, endpoint, openSession, startServer } from './server-system.js';
import type { Session } from './server-system.js';

/** Posts many calls of one session at once. */
function postMany(url: string, { headers }: Session, calls: number, name: string): Promise<number[]> {
  const posts = Array.from({ length: calls }, async (_, index) => {
    const id = index + 10;
    const { status } = await http('POST', url, {
      headers: { ...headers, 'x-request-id': String(id) },
      body: toolCall(id, name),
    });
    return status;
  });
  return Promise.all(posts);
}

describe('a client that takes nothing any more', () => {
  it('slows no other, however many of its replies wait to be delivered', async () => {
    const server = await startServer({ maxCallsPerSession: 1000, concurrency: 20, maxCallsInFlight: 50 });
    const dead = await openSession(server, 'dead');
    const alive = await openSession(server, 'alive');
    dead.endpoint.status = 503;
    server.finish();
    for (let batch = 0; batch < 6; batch++) {
      const statuses = await postMany(server.url, dead, 25, 'slow');
      expect(new Set(statuses)).toEqual(new Set([202]));
      await until(() => server.begun() === (batch + 1) * 25, { message: 'all calls to run' });
    }
    const began = performance.now();
    expect((await http('POST', server.url, { headers: alive.headers, body: toolCall(2, 'slow') })).status).toBe(202);
    await alive.endpoint.reply(2);
    expect(performance.now() - began).toBeLessThan(1000);
  });

  it('slows no other with progress that it does not take either', async () => {
    const reporting = (): McpServer => {
      const mcp = new McpServer({ name: 'reporting', version: '1.0.0' });
      mcp.registerTool('report', { inputSchema: z.object({}) }, async (_args, { sendNotification }) => {
        await sendNotification({ method: 'notifications/progress', params: { progressToken: 1, progress: 1 } });
        return { content: [] };
      });
      return mcp;
    };
    const server = await startServer({ createServer: reporting, concurrency: 5 });
    const dead = await openSession(server, 'dead');
    const alive = await openSession(server, 'alive');
    dead.endpoint.status = 503;
    await postMany(server.url, dead, 10, 'report');
    expect((await http('POST', server.url, { headers: alive.headers, body: toolCall(2, 'report') })).status).toBe(202);
    await alive.endpoint.reply(2);
  });

  it('is told 429 when more of its own wait than it may have', async () => {
    const server = await startServer({ maxCallsPerSession: 5 });
    const dead = await openSession(server, 'dead');
    dead.endpoint.status = 503;
    server.finish();
    const statuses: number[] = [];
    // Four times as many as may run at once.
    for (let call = 0; call < 23; call++) {
      statuses.push(...(await postMany(server.url, dead, 1, 'slow')));
      await until(() => server.begun() === Math.min(call + 1, 20), { message: 'the call to run' });
    }
    expect(statuses).toEqual(Array.from({ length: 23 }, (_, call) => (call < 20 ? 202 : 429)));
  });
});

describe('where webhooks go', () => {
  it('no redirect is followed: what it points to hears nothing', async () => {
    const server = await startServer({ deliverForMs: 0 });
    const target = await endpoint();
    const session = await openSession(server);
    session.endpoint.redirectTo = target.url;
    await http('POST', server.url, { headers: session.headers, body: ping(2) });
    await until(() => server.undelivered.length === 1, { message: 'the undelivered reply' });
    expect(server.undelivered[0]?.error).toMatchObject({ code: 'ERR_DELIVERY_FAILED', details: { status: 302 } });
    expect(target.hooks).toEqual([]);
  });

  it('a name that was public at first and is private when connected to gets nothing', async () => {
    const target = await endpoint();
    const { port } = new URL(target.url);
    const asked: string[] = [];
    const server = await startServer({
      deliverForMs: 0,
      allowedPorts: [Number(port)],
      // Only what is not about the address is opened.
      allowWebhookUrl: (_url, { reason }) => reason === 'scheme',
      lookup: (hostname, _options, callback) => {
        asked.push(hostname);
        callback(null, [{ address: '127.0.0.1', family: 4 }]);
      },
    });
    const body = initialize(`http://rebinding.example.com:${port}/hook`);
    expect((await http('POST', server.url, { headers: { 'x-client-id': 'eve' }, body })).status).toBe(200);
    await until(() => server.undelivered.length === 1, { message: 'the undelivered reply' });
    expect(server.undelivered[0]?.error).toMatchObject({ code: 'ERR_REPLY_ADDRESS_REFUSED' });
    expect([asked, target.hooks]).toEqual([['rebinding.example.com'], []]);
  });
});

it.each([
  'https://user:s3cret@example.com/hook',
  'https://10.0.0.1/hook?key=s3cret',
  'https://user:s3cret@10.0.0.1/hook#s3cret',
  'http:\\\\user:s3cret@example.com/',
])('a webhook URL that is refused (%s) shows nobody what is secret in it', async (webhookUrl) => {
  const lines: string[] = [];
  const log = (...args: unknown[]): void => void lines.push(inspect(args, { depth: 10 }));
  const logger = { debug: log, info: log, warn: log, error: log };
  const server = await startServer({ allowWebhookUrl: undefined, logger });
  const body = initialize(webhookUrl);
  const refused = await http('POST', server.url, { headers: { 'x-client-id': 'eve' }, body });
  expect(refused).toMatchObject({ status: 400, body: { error: { data: { code: 'ERR_REPLY_ADDRESS_REFUSED' } } } });
  expect(lines.length).toBeGreaterThan(0);
  expect(JSON.stringify([refused.body, lines])).not.toContain('s3cret');
});

describe('a session that is taken up by another process', () => {
  it('has its calls answered when it is ended there, before anything else was sent', async () => {
    const store = new MemorySessionStore();
    const first = await startServer({ store });
    const { headers, sessionId, endpoint: hook } = await openSession(first);
    await first.server.close();
    const second = await startServer({ store });
    await http('POST', second.url, { headers, body: toolCall(2, 'slow') });
    expect(await second.server.sessions.terminate(sessionId)).toBe(true);
    const { body } = await hook.reply(2);
    expect(JSON.parse(body)).toMatchObject({ error: { code: -32001, data: { code: 'ERR_SESSION_NOT_FOUND' } } });
  });

  it('has to be named: how many sessions a client has, no process that shares a store knows', async () => {
    const store = new MemorySessionStore();
    const [one, other] = [await startServer({ store }), await startServer({ store })];
    await openSession(one, 'victim');
    const stranger = await openSession(other, 'victim');
    const secretly = { headers: { 'x-client-id': 'victim' }, body: toolCall(2, 'slow') };
    expect((await http('POST', other.url, secretly)).status).toBe(400);
    expect(stranger.endpoint.hooks).toHaveLength(1);
  });
});

describe('closing', () => {
  it.each([
    ['says nothing', ''],
    [
      'has sent half of a request',
      'POST /mcp/request HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
    ],
  ])('does not wait for a connection that %s', async (_what, text) => {
    const server = await startServer({ drainTimeoutMs: 100 });
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    socket.on('error', () => {});
    const closed = new Promise<void>((resolve) => {
      socket.once('close', () => resolve());
    });
    await once(socket, 'connect');
    socket.write(text);
    const began = performance.now();
    await server.server.close();
    expect(performance.now() - began).toBeLessThan(5000);
    await closed;
  });

  it('a fastify of the user’s that has the path already leaves the server as it was', async () => {
    const { fastify } = await import('fastify');
    const app = fastify();
    app.get('/health', async () => 'mine');
    const server = new WebhookServer({ createServer: () => Promise.reject(new Error('not asked')) });
    await expect(app.register(server.plugin)).rejects.toThrow(/already declared/);
    await app.close().catch(() => {});
    await server.listen({ port: 0 });
    atTheEnd(() => server.close());
  });
});
