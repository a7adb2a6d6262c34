import { describe, expect, it } from '@jest/globals';
import { createDeferred, until } from '@asyncmcp/testkit';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableWebhookServer } from '../src/index.js';
import {
  INITIALIZED,
  atTheEnd,
  call,
  http,
  initialize,
  open,
  ping,
  post,
  startServer,
  textOf,
} from './server-system.js';
import { verifierOf } from './tokens.js';

const BOTH = [
  ['on streams', { stateless: true }],
  ['as JSON', { stateless: true, jsonResponse: true }],
] as const;

describe('a stateless server', () => {
  it('serves each request by itself, with a server of its own and no session', async () => {
    const server = await startServer({ stateless: true });
    const answer = await post(server.url, call(1, 'echo', { value: 'once' }));
    expect(answer.headers['content-type']).toBe('text/event-stream');
    expect(answer.headers).not.toHaveProperty('mcp-session-id');
    expect(textOf(answer.messages[0])).toBe('once');
    const opened = await post(server.url, initialize());
    expect(opened.headers).not.toHaveProperty('mcp-session-id');
    expect(server.made).toHaveLength(2);
    await until(() => server.made.every((mcp) => !mcp.isConnected()), { message: 'its servers to be closed' });
    expect(server.server.sessions.list()).toEqual([]);
    expect(await server.server.sessions.terminate('any')).toBe(false);
  });

  it('answers with JSON where that is wanted, and marked tools like any other', async () => {
    const { url } = await startServer({ stateless: true, jsonResponse: true });
    const answer = await post(url, call(1, 'echo_by_webhook', { value: 'JSON' }));
    expect(answer.headers['content-type']).toMatch(/^application\/json/);
    expect(textOf(answer.messages[0])).toBe('JSON');
  });

  it('has nothing to listen to and nothing to end', async () => {
    const { url } = await startServer({ stateless: true });
    expect(await http('GET', url)).toMatchObject({ status: 405, headers: { allow: 'POST' } });
    expect(await http('DELETE', url)).toMatchObject({ status: 405 });
    expect(await http('HEAD', url)).toMatchObject({ status: 405 });
    expect(await post(url, INITIALIZED)).toMatchObject({ status: 202, text: '' });
  });

  it.each(BOTH)('refuses what it cannot take with its status and a JSON-RPC error: %s', async (_how, options) => {
    const { url, errors } = await startServer({ ...options, maxMessageBytes: 10_000 });
    const answers: [number, Awaited<ReturnType<typeof post>>][] = [
      [400, await post(url, '{"id":1}')],
      [400, await post(url, '[]')],
      [400, await post(url, ping(1), { 'mcp-protocol-version': '1999-01-01' })],
      [400, await post(url, [ping(1), initialize()])],
      [
        400,
        await post(
          url,
          Array.from({ length: 101 }, (_, id) => ping(id)),
        ),
      ],
      [406, await post(url, ping(1), { accept: 'application/json' })],
      [413, await post(url, call(1, 'echo', { value: 'x'.repeat(20_000) }))],
      [415, await post(url, ping(1), { 'content-type': 'text/plain' })],
      [415, await http('POST', url)],
    ];
    for (const [status, answer] of answers) {
      expect(answer).toMatchObject({ status, messages: [{ error: { message: expect.any(String) } }] });
    }
    const probed = await post(url, { jsonrpc: '2.0', id: 'probe', method: 'server/discover' });
    expect(probed).toMatchObject({ status: 200, messages: [{ id: 'probe', error: { code: -32601 } }] });
    expect(errors).toEqual([]);
  });

  it.each(BOTH)('takes the batches of older clients: %s', async (_how, options) => {
    const { url } = await startServer(options);
    const { messages } = await post(url, [ping(1), call(2, 'echo', { value: 'two' }), INITIALIZED]);
    expect(messages).toHaveLength(2);
    expect(new Set(messages.map(({ id }) => id))).toEqual(new Set([1, 2]));
  });

  it('sends what belongs to a call before its answer, and ends it when its caller has gone', async () => {
    const server = await startServer({ stateless: true });
    const [one, gone] = [
      await open('POST', server.url, {}, call(1, 'slow', {}, { progressToken: 'p' })),
      await open('POST', server.url, {}, call(2, 'slow')),
    ];
    await one.next('progress', ({ method }) => method === 'notifications/progress');
    await gone.next('the log', ({ method }) => method === 'notifications/message');
    gone.cut();
    await until(() => server.calls[1]?.signal.aborted === true, { message: 'the tool to be told' });
    server.finish();
    expect(textOf(await one.next('the result', ({ id }) => id === 1))).toBe('slow and steady');
    expect(server.errors).toEqual([]);
  });

  it('tells handlers whose call it is, and a server what it is made for', async () => {
    const sessions: unknown[] = [];
    const clients: unknown[] = [];
    const { url } = await startServer({
      stateless: true,
      auth: { verifier: verifierOf('alice', 'bob') },
      createServer(session) {
        sessions.push(session);
        const mcp = new McpServer({ name: 'x', version: '1' });
        mcp.registerTool('whose', {}, ({ authInfo }) => {
          clients.push(authInfo?.clientId);
          return { content: [] };
        });
        return mcp;
      },
    });
    expect(await post(url, ping(1))).toMatchObject({ status: 401 });
    const authorization = 'Bearer alice';
    await post(url, initialize(), { authorization });
    await post(url, call(2, 'whose'), { authorization });
    expect(clients).toEqual(['alice']);
    expect(sessions).toMatchObject([
      { initializeParams: { clientInfo: { name: 'by-hand' } }, resumed: false },
      { initializeParams: { clientInfo: { name: 'unknown' } }, resumed: false },
    ]);
  });

  it("serves the SDK's own client", async () => {
    const { url } = await startServer({ stateless: true });
    const client = new Client({ name: 'stock', version: '1.0.0' });
    atTheEnd(() => client.close());
    await client.connect(new StreamableHTTPClientTransport(new URL(url)));
    expect(await client.callTool({ name: 'echo', arguments: { value: 'hello' } })).toMatchObject({
      content: [{ text: 'hello' }],
    });
  });

  it('refuses what is malformed, and says later where its server cannot be made', async () => {
    const server = await startServer({
      stateless: true,
      createServer: () => {
        throw new Error('out of order');
      },
    });
    expect(await post(server.url, '{')).toMatchObject({ status: 400 });
    expect(await post(server.url, call(1, 'echo'))).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
    expect(server.errors).toMatchObject([{ code: 'ERR_CREATE_SERVER' }]);
  });

  it('tells more than it may have in flight to wait', async () => {
    const server = await startServer({ stateless: true, maxCallsInFlight: 1 });
    const stream = await open('POST', server.url, {}, call(1, 'slow'));
    expect(await post(server.url, call(2, 'echo', { value: '' }))).toMatchObject({ status: 503 });
    server.finish();
    await until(() => stream.ended(), { message: 'the end of the call' });
    expect(await post(server.url, call(3, 'echo', { value: '' }))).toMatchObject({ status: 200 });
  });

  it('lets what is under way finish when it closes', async () => {
    const server = await startServer({ stateless: true });
    const stream = await open('POST', server.url, {}, call(1, 'slow'));
    await until(() => server.calls.length === 1, { message: 'the call' });
    const closed = server.server.close();
    server.finish();
    expect(textOf(await stream.next('the result', ({ id }) => id === 1))).toBe('slow and steady');
    await closed;
  });

  it.each(BOTH)('tells who waits for what is not done by then: %s', async (_how, options) => {
    const server = await startServer({ ...options, drainTimeoutMs: 50 });
    const answering = post(server.url, [call(1, 'slow'), ping(2)]);
    await until(() => server.calls.length === 1, { message: 'the call' });
    await server.server.close();
    const answers = (await answering).messages.filter(({ id }) => id !== undefined);
    expect(answers).toHaveLength(2);
    expect(answers).toContainEqual(expect.objectContaining({ id: 2, result: {} }));
    expect(answers.find(({ id }) => id === 1)).toMatchObject({ error: { data: { code: 'ERR_CLOSED' } } });
  });

  it('waits for a server that is being made as it closes', async () => {
    const [asked, made] = [createDeferred(), createDeferred()];
    const server = await startServer({
      stateless: true,
      async createServer() {
        asked.resolve();
        await made.promise;
        return new McpServer({ name: 'late', version: '1' });
      },
    });
    const answering = post(server.url, ping(2));
    await asked.promise;
    const closed = server.server.close();
    made.resolve();
    await closed;
    expect(await answering).toMatchObject({ status: 200, messages: [{ id: 2, result: {} }] });
  });

  it.each([
    ['allowWebhookUrl', 5],
    ['lookup', 5],
    ['allowedPorts', 'x'],
    ['tls', { ca: 5 }],
  ])('checks %s, too, though it sends no webhooks', (name, value) => {
    const options = { stateless: true, createServer: () => ({ connect: async () => {}, close: async () => {} }) };
    expect(() => new StreamableWebhookServer({ ...options, [name]: value })).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_OPTION', details: expect.objectContaining({ option: name }) }),
    );
  });

  it.each(['webhookTools', 'eventStore', 'store', 'callStore'] as const)('takes no %s', async (name) => {
    const options = { stateless: true, createServer: () => ({ connect: async () => {}, close: async () => {} }) };
    const value = { webhookTools: ['x'], eventStore: {}, store: {}, callStore: {} }[name];
    expect(() => new StreamableWebhookServer({ ...options, [name]: value })).toThrow(
      expect.objectContaining({
        code: 'ERR_INVALID_OPTION',
        details: expect.objectContaining({ option: expect.any(String) }),
      }),
    );
  });
});
