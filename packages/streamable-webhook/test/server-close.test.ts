import { describe, expect, it } from '@jest/globals';
import { MemorySessionStore } from '@asyncmcp/core';
import { until } from '@asyncmcp/testkit';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { fastify } from 'fastify';
import { StreamableWebhookServer } from '../src/index.js';
import {
  atTheEnd,
  call,
  http,
  initialize,
  open,
  openSession,
  ping,
  post,
  startServer,
  textOf,
} from './server-system.js';
import type { FastifyInstance } from 'fastify';
import type { Message } from './server-system.js';

/** The server in the fastify of a user, below a prefix. */
async function startInside(
  prepare: (app: FastifyInstance) => void = () => {},
): Promise<{ app: FastifyInstance; server: StreamableWebhookServer; url: string }> {
  const server = new StreamableWebhookServer({ createServer: () => new McpServer({ name: 'x', version: '1' }) });
  const app = fastify({ forceCloseConnections: true });
  atTheEnd(() => app.close());
  prepare(app);
  await app.register(server.plugin, { prefix: '/x' });
  const origin = await app.listen({ host: '127.0.0.1', port: 0 });
  return { app, server, url: `${origin}/x/mcp` };
}

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

  it('tells who waits for JSON, and every caller of a batch', async () => {
    const inJson = await startServer({ drainTimeoutMs: 50, jsonResponse: true });
    const waiting = await openSession(inJson, { webhook: false });
    const asJson = post(inJson.url, call(1, 'slow'), waiting.headers);
    await until(() => inJson.calls.length === 1, { message: 'the call' });
    await inJson.server.close();
    expect((await asJson).messages).toMatchObject([{ id: 1, error: { data: { code: 'ERR_CLOSED' } } }]);
    const onStream = await startServer({ drainTimeoutMs: 50 });
    const { headers } = await openSession(onStream, { webhook: false });
    const batch = post(onStream.url, [call(1, 'slow'), call(2, 'slow'), ping(3)], headers);
    await until(() => onStream.calls.length === 2, { message: 'both calls' });
    await onStream.server.close();
    const answers = (await batch).messages.filter(({ id }) => id !== undefined);
    expect(answers).toHaveLength(3);
    expect(new Set(answers.map(({ id }) => id))).toEqual(new Set([1, 2, 3]));
    expect(answers.filter(({ error }) => error?.data?.['code'] === 'ERR_CLOSED')).toHaveLength(2);
  });

  it("tells the SDK's own client", async () => {
    const server = await startServer({ drainTimeoutMs: 50 });
    const client = new Client({ name: 'stock', version: '1.0.0' });
    atTheEnd(() => client.close());
    await client.connect(new StreamableHTTPClientTransport(new URL(server.url)));
    const failed = client.callTool({ name: 'slow' }).catch((error: unknown) => error);
    await until(() => server.calls.length === 1, { message: 'the call' });
    await server.server.close();
    expect(await failed).toMatchObject({ code: -32603, data: { code: 'ERR_CLOSED' } });
  });

  it('leaves the sessions to the next server, on both ways', async () => {
    const store = new MemorySessionStore();
    const first = await startServer({ store });
    const { headers, hook, sessionId } = await openSession(first);
    await first.server.close();
    const second = await startServer({ store });
    expect(textOf((await post(second.url, call(1, 'echo', { value: 'here' }), headers)).messages[0])).toBe('here');
    expect(await post(second.url, call(2, 'echo_by_webhook', { value: 'there' }), headers)).toMatchObject({
      status: 202,
    });
    expect((await hook.reply(2)).headers['mcp-session-id']).toBe(sessionId);
    expect(await open('GET', second.url, headers)).toMatchObject({ status: 200 });
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

  it('says 503 and when to come back to whatever comes after it was closed', async () => {
    const { server, url } = await startInside();
    const { headers } = await openSession({ url }, { webhook: false });
    await server.close();
    const refused = [await post(url, ping(2), headers), await post(url, initialize())];
    refused.push(await http('GET', url, { headers }), await http('DELETE', url, { headers }));
    for (const answer of refused) {
      expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': expect.any(String) } });
      expect(answer.messages).toMatchObject([{ error: { data: { code: 'ERR_CLOSED' } } }]);
    }
  });

  it('is closed with it, however many listen', async () => {
    const { app, server, url } = await startInside();
    const { headers } = await openSession({ url }, { webhook: false });
    const stream = await open('GET', url, headers);
    await app.close();
    await until(() => stream.ended(), { message: 'the stream to end' });
    await expect(server.listen({ port: 0 })).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });

  it('keeps headers that hooks have set several times, and on refusals, too', async () => {
    const { url } = await startInside((app) => {
      app.addHook('onRequest', async ({ headers }, reply) => {
        void reply.header('access-control-allow-origin', headers.origin).header('set-cookie', ['a=1', 'b=2']);
      });
    });
    const origin = 'http://localhost:3000';
    const expected = { 'access-control-allow-origin': origin, 'set-cookie': ['a=1', 'b=2'] };
    const { headers } = await openSession({ url }, { webhook: false, headers: { origin } });
    expect(await post(url, ping(2), headers)).toMatchObject({
      headers: { ...expected, 'content-type': 'text/event-stream', 'mcp-session-id': expect.any(String) },
    });
    expect((await open('GET', url, headers)).headers).toMatchObject(expected);
    expect(await http('GET', url, { headers })).toMatchObject({ status: 409, headers: expected });
    expect(await post(url, '{', headers)).toMatchObject({ status: 400, headers: expected });
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
