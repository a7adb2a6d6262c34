import { describe, expect, it } from '@jest/globals';
import { MemorySessionStore } from '@asyncmcp/core';
import { until } from '@asyncmcp/testkit';
import { fastify } from 'fastify';
import { http, ping, toolCall } from './http-client.js';
import { createServer, openSession, startServer } from './server-system.js';

describe('a server that closes', () => {
  it('stops listening, finishes what runs, and delivers its reply before it is closed', async () => {
    const server = await startServer();
    const { endpoint, headers } = await openSession(server);
    await http('POST', server.url, { headers, body: toolCall(2, 'slow') });
    const closed = server.server.close();
    await expect(http('POST', server.url, { headers, body: ping(3) })).rejects.toThrow(/ECONNREFUSED/);
    server.finish();
    await closed;
    expect(endpoint.hooks.map(({ body }) => (JSON.parse(body) as { id: number }).id)).toEqual([1, 2]);
  });

  it('delivers to an endpoint that comes back in time', async () => {
    const server = await startServer({ drainTimeoutMs: 20_000 });
    const { endpoint, headers } = await openSession(server);
    endpoint.status = 503;
    await http('POST', server.url, { headers, body: ping(2) });
    const closed = server.server.close();
    endpoint.status = 200;
    await closed;
    expect(endpoint.hooks).toHaveLength(2);
  });

  it.each([2, '2', '', 0, 'é'])(
    'tells an older client, which does not post again, that its call %j was not done',
    async (id) => {
      const server = await startServer({ drainTimeoutMs: 10 });
      const { endpoint, headers } = await openSession(server);
      await http('POST', server.url, { headers: { ...headers, 'x-request-id': '2' }, body: toolCall(id, 'slow') });
      await server.server.close();
      const { body } = await endpoint.reply(id);
      expect(JSON.parse(body)).toMatchObject({ id, error: { data: { code: 'ERR_CLOSED' } } });
    },
  );

  it('tells one that names no session, either', async () => {
    const server = await startServer({ drainTimeoutMs: 10 });
    const { endpoint, headers } = await openSession(server);
    const { 'x-session-id': _session, ...unnamed } = headers;
    await http('POST', server.url, { headers: { ...unnamed, 'x-request-id': '2' }, body: toolCall(2, 'slow') });
    await server.server.close();
    const { body } = await endpoint.reply(2);
    expect(JSON.parse(body)).toMatchObject({ id: 2, error: { data: { code: 'ERR_CLOSED' } } });
  });

  it('leaves the call of a client of ours to the next server: posted again, it runs there', async () => {
    const store = new MemorySessionStore();
    const first = await startServer({ store, drainTimeoutMs: 10 });
    const { endpoint, headers } = await openSession(first);
    const message = { headers: { ...headers, 'x-message-id': 'one', 'x-request-id': '2' }, body: toolCall(2, 'slow') };
    await http('POST', first.url, message);
    await first.server.close();
    expect(endpoint.hooks).toHaveLength(1);
    const second = await startServer({ store });
    second.finish();
    expect((await http('POST', second.url, message)).status).toBe(202);
    await endpoint.reply(2);
  });

  it('reports what it could not deliver, with the whole of it', async () => {
    const server = await startServer({ drainTimeoutMs: 10 });
    const { endpoint, headers } = await openSession(server);
    endpoint.status = 503;
    await http('POST', server.url, { headers, body: ping(2) });
    await server.server.close();
    await until(() => server.undelivered.length > 0, { message: 'the undelivered reply' });
    expect(server.undelivered[0]).toMatchObject({
      url: endpoint.url,
      envelope: { message: { jsonrpc: '2.0', id: 2, result: {} } },
    });
  });

  it('closes when its signal aborts', async () => {
    const abort = new AbortController();
    const server = await startServer({ signal: abort.signal });
    abort.abort();
    await until(
      () =>
        http('GET', `${server.origin}/health`).then(
          () => false,
          () => true,
        ),
      { message: 'nobody to listen' },
    );
    await expect(server.server.listen({ port: 0 })).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });
});

describe('in the fastify of a user', () => {
  it('takes the time that calls need, which is more than fastify gives to hooks', async () => {
    const { server, begun, finish } = createServer({ drainTimeoutMs: 20_000 });
    const app = fastify({ pluginTimeout: 200 });
    await app.register(server.plugin);
    const url = `${await app.listen({ host: '127.0.0.1', port: 0 })}/mcp/request`;
    const { endpoint, headers } = await openSession({ url });
    await http('POST', url, { headers, body: toolCall(2, 'slow') });
    await until(() => begun() === 1, { message: 'the call to run' });
    const began = performance.now();
    const closed = app.close();
    await until(() => performance.now() - began > 600, { message: 'longer than pluginTimeout' });
    finish();
    await closed;
    expect(endpoint.hooks.map(({ body }) => (JSON.parse(body) as { id: number }).id)).toEqual([1, 2]);
  });

  it('does not begin once its signal has aborted', async () => {
    const { server } = createServer({ signal: AbortSignal.abort() });
    const app = fastify();
    await expect(app.register(server.plugin)).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    await app.close();
  });
});

describe('an endpoint that is gone for good (410)', () => {
  it('ends the session, and what was for it is reported', async () => {
    const store = new MemorySessionStore();
    const server = await startServer({ store });
    const { endpoint, headers, sessionId } = await openSession(server);
    endpoint.status = 410;
    await http('POST', server.url, { headers, body: ping(2) });
    await until(async () => (await store.get(sessionId)) === undefined, { message: 'the end of the session' });
    expect((await http('POST', server.url, { headers, body: ping(3) })).status).toBe(404);
    await until(() => server.undelivered.length > 0, { message: 'the undelivered reply' });
    expect(server.undelivered[0]?.envelope.message).toMatchObject({ id: 2 });
  });
});
