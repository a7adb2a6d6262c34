import { describe, expect, it } from '@jest/globals';
import { until } from '@asyncmcp/testkit';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { fastify } from 'fastify';
import { StreamableWebhookServer } from '../src/index.js';
import { atTheEnd, call, http, initialize, open, openSession, post, startServer, textOf } from './server-system.js';
import type { Message } from './server-system.js';

describe('closing', () => {
  it('lets calls finish and their answers go out, on both ways, and ends the streams', async () => {
    const server = await startServer({ drainTimeoutMs: 5000 });
    const { headers, hook } = await openSession(server);
    const listening = await open('GET', server.url, headers);
    const stream = await open('POST', server.url, headers, call(1, 'slow'));
    await post(server.url, call(2, 'slow_by_webhook'), headers);
    await until(() => server.calls.length === 2, { message: 'both calls' });
    const closed = server.server.close();
    server.finish();
    expect(textOf(await stream.next('the result', ({ id }) => id === 1))).toBe('slow and steady');
    await hook.reply(2);
    await closed;
    await until(() => listening.ended() && stream.ended(), { message: 'the streams to end' });
  });

  it('tells who waits for a call that is not done in time', async () => {
    const server = await startServer({ drainTimeoutMs: 50 });
    const { headers, hook } = await openSession(server);
    const stream = await open('POST', server.url, headers, call(1, 'slow'));
    // Without a message id: of a client that would not post it again.
    await post(server.url, call(2, 'slow_by_webhook'), headers);
    await until(() => server.calls.length === 2, { message: 'both calls' });
    await server.server.close();
    const { error } = await stream.next('the error', ({ id }) => id === 1);
    expect(error).toMatchObject({ data: { code: 'ERR_CLOSED' } });
    const byWebhook = JSON.parse((await hook.reply(2)).body) as Message;
    expect(byWebhook.error).toMatchObject({ data: { code: 'ERR_CLOSED' } });
  });

  it('leaves a call by webhook to the client that posts it again', async () => {
    const server = await startServer({ drainTimeoutMs: 50 });
    const { headers, hook } = await openSession(server);
    await post(server.url, call(2, 'slow_by_webhook'), { ...headers, 'x-message-id': 'named' });
    await until(() => hook.hooks.length === 1, { message: 'the log' });
    await server.server.close();
    expect(hook.hooks).toHaveLength(1);
  });

  it('happens once, with the signal, too, and nothing is taken afterwards', async () => {
    const abort = new AbortController();
    const server = await startServer({ signal: abort.signal });
    await expect(server.server.listen({ port: 0 })).rejects.toMatchObject({ code: 'ERR_ALREADY_STARTED' });
    abort.abort();
    await Promise.all([server.server.close(), server.server.close()]);
    await expect(http('GET', `${server.origin}/health`)).rejects.toThrow(/ECONNREFUSED/);
    await expect(server.server.listen({ port: 0 })).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });
});

describe('in the fastify of a user', () => {
  it('serves below a prefix, keeps what hooks have set, and is closed with it', async () => {
    const server = new StreamableWebhookServer({ createServer: () => new McpServer({ name: 'x', version: '1' }) });
    const app = fastify();
    app.addHook('onRequest', async (_request, reply) => void reply.header('access-control-allow-origin', '*'));
    app.get('/other', async () => 'theirs');
    await app.register(server.plugin, { prefix: '/x' });
    const origin = await app.listen({ host: '127.0.0.1', port: 0 });
    atTheEnd(() => app.close());
    const url = `${origin}/x/mcp`;
    const { headers } = await openSession({ url }, { webhook: false });
    const stream = await open('GET', url, headers);
    expect(stream.headers).toMatchObject({ 'access-control-allow-origin': '*', 'content-type': 'text/event-stream' });
    expect(await post(url, { jsonrpc: '2.0', id: 2, method: 'ping' }, headers)).toMatchObject({
      status: 200,
      headers: { 'access-control-allow-origin': '*' },
    });
    expect(await http('GET', `${origin}/x/health`)).toMatchObject({ status: 200, text: '{"status":"ok"}' });
    expect(await http('GET', `${origin}/other`)).toMatchObject({ text: 'theirs' });
    await server.close();
    expect(await http('GET', `${origin}/x/health`)).toMatchObject({ status: 503 });
    expect(await post(url, initialize())).toMatchObject({ status: 503 });
    await until(() => stream.ended(), { message: 'the stream to end' });
    await app.close();
  });

  it('is registered once', async () => {
    const server = new StreamableWebhookServer({ createServer: () => new McpServer({ name: 'x', version: '1' }) });
    const app = fastify();
    atTheEnd(() => app.close());
    await app.register(server.plugin);
    await expect(app.register(server.plugin, { prefix: '/again' })).rejects.toMatchObject({
      code: 'ERR_ALREADY_STARTED',
    });
  });
});
