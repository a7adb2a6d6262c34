import { describe, expect, it } from '@jest/globals';
import { generateSecret, createVerifier } from '@asyncmcp/webhook';
import { until } from '@asyncmcp/testkit';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { CallToolRequestSchema, EmptyResultSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { isWebhookTool, webhookTool } from '../src/index.js';
import { atTheEnd, call, http, open, openSession, ping, post, startServer, textOf } from './server-system.js';
import type { Message, TestServer } from './server-system.js';

const parsed = (body: string) => JSON.parse(body) as Message;
const reportOf = ({ errors }: TestServer) => until(() => errors[0]?.code, { message: 'the report' });

describe('a call of a webhook tool', () => {
  it('is answered 202, and its progress, its logging and its result come by webhook', async () => {
    const server = await startServer();
    const { headers, hook, sessionId } = await openSession(server);
    const answer = await post(server.url, call(4, 'slow_by_webhook', {}, { progressToken: 'p' }), headers);
    expect(answer).toMatchObject({ status: 202 });
    expect(JSON.parse(answer.text)).toMatchObject({ status: 'received', attempt: 1, server: expect.any(String) });
    await until(() => hook.hooks.length === 2, { message: 'progress and log' });
    server.finish();
    const { body } = await hook.reply(4);
    expect(textOf(parsed(body))).toBe('slow and steady');
    const methods = hook.hooks.map((one) => parsed(one.body).method);
    expect(methods).toEqual(['notifications/progress', 'notifications/message', undefined]);
    for (const one of hook.hooks) {
      expect(one.headers).toMatchObject({ 'mcp-session-id': sessionId, 'content-type': 'application/json' });
      expect(one.headers).not.toHaveProperty('x-session-id');
    }
    expect(hook.hooks[0]?.headers['x-related-request-id']).toBe('4');
  });

  it('is signed with the secret of the session, and names its client', async () => {
    const server = await startServer();
    const secret = generateSecret();
    const client = { 'x-client-id': 'the-client' };
    const { headers, hook } = await openSession(server, { headers: client, meta: { webhookSecret: secret } });
    await post(server.url, call(4, 'echo_by_webhook', { value: 'signed' }), headers);
    const one = await hook.reply(4);
    expect(one.headers).toMatchObject(client);
    expect(() => createVerifier({ secrets: secret }).verify(one.headers, one.body)).not.toThrow();
    expect(() => createVerifier({ secrets: generateSecret() }).verify(one.headers, one.body)).toThrow(/signature/i);
  });

  it('leaves everything else on the connection', async () => {
    const server = await startServer();
    const { headers, hook } = await openSession(server);
    expect(textOf((await post(server.url, call(1, 'echo', { value: 'here' }), headers)).messages[0])).toBe('here');
    expect((await post(server.url, ping(2), headers)).messages).toMatchObject([{ id: 2, result: {} }]);
    const failed = await post(server.url, call(3, 'no such tool'), headers);
    expect(failed.messages).toMatchObject([{ id: 3, result: { isError: true } }]);
    expect(hook.hooks).toEqual([]);
  });

  it('is answered over the connection where the session has no webhook', async () => {
    const server = await startServer();
    const { headers } = await openSession(server, { webhook: false });
    const answer = await post(server.url, call(1, 'echo_by_webhook', { value: 'plain' }), headers);
    expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'text/event-stream' } });
    expect(textOf(answer.messages[0])).toBe('plain');
  });

  it('fails by webhook, too', async () => {
    const server = await startServer({ webhookTools: ['no such tool'] });
    const { headers, hook } = await openSession(server);
    expect(await post(server.url, call(1, 'no such tool'), headers)).toMatchObject({ status: 202 });
    expect(parsed((await hook.reply(1)).body)).toMatchObject({ result: { isError: true } });
    expect(await post(server.url, call(2, 'echo_by_webhook', { value: 7 }), headers)).toMatchObject({ status: 202 });
    expect(parsed((await hook.reply(2)).body)).toMatchObject({ result: { isError: true } });
  });

  it('can ask its client: by webhook, and is answered with a POST', async () => {
    const server = await startServer();
    const { headers, hook } = await openSession(server);
    await post(server.url, call(4, 'slow_by_webhook'), headers);
    await until(() => server.calls.length === 1, { message: 'the call' });
    const asked = server.calls[0]?.sendRequest({ method: 'ping' }, EmptyResultSchema);
    const isPing = (one: Message): boolean => one.method === 'ping';
    const question = await until(() => hook.hooks.map(({ body }) => parsed(body)).find(isPing), { message: 'a ping' });
    expect(await post(server.url, { jsonrpc: '2.0', id: question.id, result: {} }, headers)).toMatchObject({
      status: 202,
    });
    expect(await asked).toEqual({});
  });

  it('is told of as ended where its session is ended meanwhile', async () => {
    const server = await startServer();
    const { headers, hook } = await openSession(server);
    await post(server.url, call(4, 'slow_by_webhook'), headers);
    const stream = await open('POST', server.url, headers, call(5, 'slow'));
    await until(() => server.calls.length === 2, { message: 'both calls' });
    expect(await http('DELETE', server.url, { headers })).toMatchObject({ status: 200 });
    expect(parsed((await hook.reply(4)).body)).toMatchObject({ error: { code: expect.any(Number) } });
    expect(await stream.next('the error', ({ id }) => id === 5)).toMatchObject({ error: { code: expect.any(Number) } });
    await until(() => stream.ended(), { message: 'the end of the stream' });
    expect(server.calls.map(({ signal }) => signal.aborted)).toEqual([true, true]);
  });

  it('can be cancelled: its tool is told, and nothing is delivered', async () => {
    const server = await startServer();
    const { headers, hook } = await openSession(server);
    await post(server.url, call(4, 'slow_by_webhook'), headers);
    await until(() => hook.hooks.length === 1, { message: 'the log' });
    const cancelled = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 4 } };
    expect(await post(server.url, cancelled, headers)).toMatchObject({ status: 202 });
    await until(() => server.calls[0]?.signal.aborted === true, { message: 'the tool to be told' });
    await until(() => server.server.sessions.list()[0]?.callsInFlight === 0, { message: 'the call to be gone' });
    server.finish();
    await post(server.url, call(5, 'echo_by_webhook', { value: 'after' }), headers);
    await hook.reply(5);
    expect(hook.hooks.map(({ body }) => parsed(body).id)).toEqual([undefined, 5]);
  });

  it('runs once, however often it is posted under one message id', async () => {
    const server = await startServer();
    const { headers, hook } = await openSession(server);
    const named = { ...headers, 'x-message-id': 'one-send' };
    const first = await post(server.url, call(4, 'slow_by_webhook'), named);
    const copy = await post(server.url, call(4, 'slow_by_webhook'), named);
    expect([first.status, copy.status]).toEqual([202, 202]);
    expect(JSON.parse(copy.text)).not.toHaveProperty('attempt');
    server.finish();
    await hook.reply(4);
    expect(server.calls).toHaveLength(1);
    await post(server.url, call(4, 'slow_by_webhook'), named);
    await until(() => hook.hooks.filter(({ body }) => parsed(body).id === 4).length === 2, {
      message: 'the recorded answer',
    });
    expect(server.calls).toHaveLength(1);
  });

  it('that another process has taken is left to that one', async () => {
    const server = await startServer();
    const { headers } = await openSession(server);
    const again = { ...headers, 'x-message-id': 'm', 'x-taken-by': 'another-process' };
    const answer = await post(server.url, call(4, 'echo_by_webhook', { value: '' }), again);
    expect(answer.status).toBe(503);
    expect(answer.messages[0]?.error?.data).toMatchObject({ elsewhere: true });
  });

  it('that ends servers is not begun for ever', async () => {
    const server = await startServer();
    const { headers } = await openSession(server);
    const again = { ...headers, 'x-message-id': 'm', 'x-attempt': '4' };
    const byWebhook = await post(server.url, call(4, 'echo_by_webhook', { value: '' }), again);
    expect(byWebhook.status).toBe(400);
    expect(byWebhook.messages[0]?.error?.data?.['code']).toBe('ERR_TOO_MANY_ATTEMPTS');
    const over = await post(server.url, call(5, 'echo', { value: '' }), { ...again, 'x-message-id': 'n' });
    expect(over.messages[0]?.error?.data?.['code']).toBe('ERR_TOO_MANY_ATTEMPTS');
  });
});

describe('an answer whose connection is gone', () => {
  it.each([true, false])('that would have been JSON is not lost, either: with a webhook %s', async (webhook) => {
    const server = await startServer({ jsonResponse: true });
    const { headers, hook } = await openSession(server, { webhook });
    const cut = new AbortController();
    const asked = post(server.url, call(4, 'slow'), headers, cut.signal).catch(() => 'cut');
    await until(() => server.calls.length === 1, { message: 'the call' });
    cut.abort();
    expect(await asked).toBe('cut');
    await post(server.url, ping(5), headers);
    server.finish();
    const whatIsLeft = webhook ? hook.reply(4).then(({ body }) => textOf(parsed(body))) : reportOf(server);
    expect(await whatIsLeft).toBe(webhook ? 'slow and steady' : 'ERR_DESTINATION_GONE');
  });

  it.each([
    ['on a stream', {}],
    ['as JSON', { jsonResponse: true }],
  ])('of a batch is not lost, nor is any other of it: %s', async (_how, options) => {
    const server = await startServer(options);
    const { headers, hook } = await openSession(server);
    const cut = new AbortController();
    const asked = post(server.url, [call(4, 'slow'), call(5, 'slow')], headers, cut.signal).catch(() => 'cut');
    await until(() => server.calls.length === 2, { message: 'both calls' });
    cut.abort();
    expect(await asked).toBe('cut');
    await post(server.url, ping(6), headers);
    server.finish();
    for (const id of [4, 5]) expect(textOf(parsed((await hook.reply(id)).body))).toBe('slow and steady');
    expect(server.errors).toEqual([]);
  });

  it.each([
    ['on a stream', {}, 200],
    ['as JSON', { jsonResponse: true }, 409],
  ])(
    'because it was sent again is given there, and nobody waits on the older one: %s',
    async (_how, options, status) => {
      const server = await startServer(options);
      const { headers } = await openSession(server, { webhook: false });
      const named = { ...headers, 'x-message-id': 'one-send' };
      const older = post(server.url, call(4, 'slow'), named);
      await until(() => server.calls.length === 1, { message: 'the call' });
      const newer = post(server.url, call(4, 'slow'), named);
      const first = await older;
      expect(first).toMatchObject({ status });
      expect(first.messages.filter(({ result }) => result !== undefined)).toEqual([]);
      server.finish();
      expect(textOf((await newer).messages.at(-1))).toBe('slow and steady');
      expect(textOf((await post(server.url, call(4, 'slow'), named)).messages.at(-1))).toBe('slow and steady');
      expect(server.calls).toHaveLength(1);
    },
  );

  it('reaches a client that has given a webhook there', async () => {
    const server = await startServer();
    const { headers, hook } = await openSession(server);
    const stream = await open('POST', server.url, headers, call(4, 'slow'));
    await stream.next('the log', ({ method }) => method === 'notifications/message');
    stream.cut();
    // Answered after the server has seen the end of the connection before.
    await post(server.url, ping(5), headers);
    server.finish();
    expect(textOf(parsed((await hook.reply(4)).body))).toBe('slow and steady');
    expect(server.errors).toEqual([]);
  });

  it('is reported where there is no other way', async () => {
    const server = await startServer();
    const { headers } = await openSession(server, { webhook: false });
    const stream = await open('POST', server.url, headers, call(4, 'slow'));
    await stream.next('the log', ({ method }) => method === 'notifications/message');
    stream.cut();
    await post(server.url, ping(5), headers);
    server.finish();
    await until(() => server.errors.length === 1, { message: 'the report' });
    expect(server.errors).toMatchObject([{ code: 'ERR_DESTINATION_GONE' }]);
  });
});

describe('a batch of an older client', () => {
  it('is split: what is by webhook goes there, the rest is answered on one stream', async () => {
    const server = await startServer();
    const { headers, hook } = await openSession(server);
    const batch = [
      call(1, 'echo', { value: 'one' }),
      call(2, 'echo_by_webhook', { value: 'two' }),
      { jsonrpc: '2.0', method: 'notifications/roots/list_changed' },
      ping(3),
    ];
    const answer = await post(server.url, batch, headers);
    expect(answer.headers['content-type']).toBe('text/event-stream');
    expect(new Set(answer.messages.map(({ id }) => id))).toEqual(new Set([1, 3]));
    expect(textOf(parsed((await hook.reply(2)).body))).toBe('two');
  });

  it('is answered with 202 where nothing is left for the connection', async () => {
    const server = await startServer();
    const { headers, hook } = await openSession(server);
    const batch = [call(1, 'echo_by_webhook', { value: 'one' }), call(2, 'echo_by_webhook', { value: 'two' })];
    expect(await post(server.url, batch, headers)).toMatchObject({ status: 202 });
    expect(textOf(parsed((await hook.reply(1)).body))).toBe('one');
    expect(textOf(parsed((await hook.reply(2)).body))).toBe('two');
  });

  it('says by webhook what is wrong with one of its calls', async () => {
    const server = await startServer();
    const { headers, hook } = await openSession(server);
    await post(server.url, call(1, 'slow_by_webhook'), headers);
    await post(server.url, [call(1, 'echo_by_webhook', { value: 'the same id' }), ping(2)], headers);
    const { error } = parsed((await hook.reply(1)).body);
    expect(error?.message).toMatch(/in use/);
  });

  it.each([
    ['on a stream', {}],
    ['as JSON', { jsonResponse: true }],
  ])('goes on for the others where one of its calls is cancelled: %s', async (_how, options) => {
    const server = await startServer(options);
    const { headers } = await openSession(server, { webhook: false });
    const answering = post(server.url, [call(1, 'slow'), call(2, 'slow')], headers);
    await until(() => server.calls.length === 2, { message: 'both calls' });
    await post(server.url, { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } }, headers);
    await until(() => server.server.sessions.list()[0]?.callsInFlight === 1, { message: 'one call to be gone' });
    server.finish();
    const { messages } = await answering;
    expect(textOf(messages.find(({ id }) => id === 2))).toBe('slow and steady');
    expect(server.calls.map(({ signal }) => signal.aborted)).toEqual([true, false]);
    expect(server.errors).toEqual([]);
  });

  it.each([
    ['initialize in it', [ping(1), { jsonrpc: '2.0', id: 2, method: 'initialize' }]],
    ['the same id twice', [ping(1), ping(1)]],
    ['more than a hundred', Array.from({ length: 101 }, (_, id) => ping(id))],
    ['something else in it', [ping(1), 7]],
  ])('with %s is refused whole', async (_what, batch) => {
    const server = await startServer();
    const { headers } = await openSession(server);
    expect(await post(server.url, batch, headers)).toMatchObject({ status: 400 });
  });
});

describe('which tools are by webhook', () => {
  const isByWebhook = async (
    { url }: Pick<TestServer, 'url'>,
    headers: Record<string, string>,
    id: number,
    name: string,
    args: object = { value: '' },
  ) => (await post(url, call(id, name, args), headers)).status === 202;

  it('shows in the list of tools', async () => {
    const server = await startServer();
    const { headers } = await openSession(server);
    const listed = await post(server.url, { jsonrpc: '2.0', id: 1, method: 'tools/list' }, headers);
    const tools = listed.messages[0]?.result?.['tools'] as { name: string; _meta?: Record<string, unknown> }[];
    expect(tools.filter(isWebhookTool).map(({ name }) => name)).toEqual(['echo_by_webhook', 'slow_by_webhook']);
  });

  it('is told by name, beside those that are marked', async () => {
    const server = await startServer({ webhookTools: ['echo', '__proto__'] });
    const { headers } = await openSession(server);
    expect(await isByWebhook(server, headers, 1, 'echo')).toBe(true);
    expect(await isByWebhook(server, headers, 2, 'echo_by_webhook')).toBe(true);
    expect(await isByWebhook(server, headers, 3, 'constructor')).toBe(false);
  });

  it('is told by a function alone, call by call, with the arguments and the session', async () => {
    const seen: unknown[] = [];
    const server = await startServer({
      webhookTools(name, args, { id }) {
        seen.push([name, id]);
        if (name === 'slow') throw new Error('no idea');
        return String(args['value']).length > 3;
      },
    });
    const { headers, sessionId } = await openSession(server);
    expect(await isByWebhook(server, headers, 1, 'echo', { value: 'long enough' })).toBe(true);
    expect(await isByWebhook(server, headers, 2, 'echo', { value: 'no' })).toBe(false);
    expect(await isByWebhook(server, headers, 3, 'echo_by_webhook', { value: 'no' })).toBe(false);
    server.finish();
    expect(await isByWebhook(server, headers, 4, 'slow')).toBe(false);
    expect(seen).toContainEqual(['echo', sessionId]);
  });

  it('follows what the server says of changes', async () => {
    const server = await startServer();
    const { headers } = await openSession(server);
    expect(await isByWebhook(server, headers, 1, 'echo')).toBe(false);
    const [mcp] = server.made;
    webhookTool(mcp?.registerTool('later', {}, () => ({ content: [] })) ?? {});
    mcp?.sendToolListChanged();
    await until(() => isByWebhook(server, headers, Math.floor(Math.random() * 1e9), 'later', {}), {
      message: 'the new tool to be by webhook',
    });
  });

  it('is asked page by page, of any server', async () => {
    const server = await startServer({
      createServer() {
        const low = new Server({ name: 'low', version: '1' }, { capabilities: { tools: {} } });
        low.setRequestHandler(ListToolsRequestSchema, async ({ params }) => {
          const page = Number(params?.cursor ?? 0);
          const tool = { name: `tool${page}`, inputSchema: { type: 'object' as const } };
          return { tools: [page === 2 ? webhookTool(tool) : tool], ...(page < 2 && { nextCursor: String(page + 1) }) };
        });
        low.setRequestHandler(CallToolRequestSchema, async () => ({ content: [] }));
        return low;
      },
    });
    const { headers } = await openSession(server);
    expect(await isByWebhook(server, headers, 1, 'tool1')).toBe(false);
    expect(await isByWebhook(server, headers, 2, 'tool2')).toBe(true);
  });

  it('is none where the server does not say', async () => {
    const server = await startServer({
      createServer: () => new McpServer({ name: 'without tools', version: '1' }),
    });
    const { headers } = await openSession(server);
    expect((await post(server.url, call(1, 'any'), headers)).messages).toMatchObject([{ error: { code: -32601 } }]);
  });
});

describe("the SDK's own client", () => {
  it('works unchanged: every tool over the connection, with progress', async () => {
    const server = await startServer();
    const client = new Client({ name: 'stock', version: '1.0.0' });
    atTheEnd(() => client.close());
    const transport = new StreamableHTTPClientTransport(new URL(server.url));
    await client.connect(transport);
    const progress: unknown[] = [];
    const slow = client.callTool({ name: 'slow_by_webhook' }, undefined, {
      onprogress: (one) => {
        progress.push(one);
        server.finish();
      },
    });
    expect(await slow).toMatchObject({ content: [{ text: 'slow and steady' }] });
    expect(progress).toEqual([{ progress: 1 }]);
    await transport.terminateSession();
    expect(server.server.sessions.list()).toEqual([]);
  });
});
