import { describe, expect, it } from '@jest/globals';
import { MemorySessionStore } from '@asyncmcp/core';
import { until } from '@asyncmcp/testkit';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CreateMessageRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import {
  INITIALIZED,
  atTheEnd,
  call,
  hookEndpoint,
  http,
  initialize,
  messagesIn,
  open,
  openSession,
  ping,
  post,
  startServer,
  textOf,
} from './server-system.js';

const errorOf = (answer: Awaited<ReturnType<typeof post>>) => ({
  status: answer.status,
  code: answer.messages[0]?.error?.code,
  data: answer.messages[0]?.error?.data?.['code'],
});

describe('a session over Streamable HTTP', () => {
  it('is opened by initialize, which is answered as JSON with the session in a header', async () => {
    const { url, server } = await startServer();
    const opened = await post(url, initialize());
    expect(opened).toMatchObject({
      status: 200,
      headers: { 'content-type': expect.stringMatching(/^application\/json/) },
    });
    expect(opened.messages).toMatchObject([{ id: 1, result: { protocolVersion: '2025-11-25' } }]);
    expect(server.sessions.list()).toMatchObject([{ id: opened.headers['mcp-session-id'], replyTo: 'connection' }]);
  });

  it('takes notifications with 202 and answers requests on a stream that ends with the answer', async () => {
    const server = await startServer();
    const { headers } = await openSession(server, { webhook: false });
    expect(await post(server.url, INITIALIZED, headers)).toMatchObject({ status: 202, text: '' });
    const answer = await post(server.url, call(7, 'echo', { value: 'é ✓' }), headers);
    expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'text/event-stream' } });
    expect(answer.messages).toHaveLength(1);
    expect(textOf(answer.messages[0])).toBe('é ✓');
  });

  it('sends the headers of a stream and what comes before the answer at once', async () => {
    const server = await startServer();
    const { headers } = await openSession(server, { webhook: false });
    const stream = await open('POST', server.url, headers, call(3, 'slow', {}, { progressToken: 'p' }));
    expect(stream.status).toBe(200);
    await stream.next('progress', ({ method }) => method === 'notifications/progress');
    await stream.next('the log', ({ method }) => method === 'notifications/message');
    server.finish();
    expect(textOf(await stream.next('the result', ({ id }) => id === 3))).toBe('slow and steady');
    await until(() => stream.ended(), { message: 'the end of the stream' });
  });

  it('answers with JSON where that is wanted', async () => {
    const server = await startServer({ jsonResponse: true });
    const { headers } = await openSession(server, { webhook: false });
    const answer = await post(server.url, call(7, 'echo', { value: 'as JSON' }), headers);
    expect(answer.headers['content-type']).toMatch(/^application\/json/);
    expect(textOf(answer.messages[0])).toBe('as JSON');
  });

  it('is ended by DELETE, once', async () => {
    const server = await startServer();
    const { headers } = await openSession(server);
    expect(await http('DELETE', server.url, { headers })).toMatchObject({ status: 200 });
    expect(await http('DELETE', server.url, { headers })).toMatchObject({ status: 404 });
    const answer = await post(server.url, ping(5), headers);
    expect(errorOf(answer)).toEqual({ status: 404, code: -32001, data: 'ERR_SESSION_NOT_FOUND' });
    const sessionId = headers['mcp-session-id'];
    expect(answer.messages).toMatchObject([{ id: 5, error: { data: { sessionId } } }]);
    expect(server.server.sessions.list()).toEqual([]);
  });

  it('has room for calls whatever its client cancels that is not there', async () => {
    const server = await startServer({ maxCallsPerSession: 5 });
    const { headers } = await openSession(server, { webhook: false });
    const cancel = (requestId: number) => ({
      jsonrpc: '2.0',
      method: 'notifications/cancelled',
      params: { requestId },
    });
    const cancelled = Array.from({ length: 100 }, (_, id) => post(server.url, cancel(id + 100), headers));
    for (const { status } of await Promise.all(cancelled)) expect(status).toBe(202);
    expect(textOf((await post(server.url, call(1, 'echo', { value: 'there is room' }), headers)).messages[0])).toBe(
      'there is room',
    );
  });

  it('is named by the header of MCP alone, which proxies route by', async () => {
    const server = await startServer();
    const [mine, other] = [await openSession(server), await openSession(server)];
    const sessionId = other.headers['mcp-session-id'] ?? '';
    for (const tool of ['echo', 'echo_by_webhook']) {
      const both = { ...mine.headers, 'x-session-id': sessionId };
      const called = await post(server.url, call(tool, tool, { value: 'v' }), both);
      expect(called.status).toBe(tool === 'echo' ? 200 : 202);
      expect(await post(server.url, call(1, tool, { value: 'v' }), { 'x-session-id': sessionId })).toMatchObject({
        status: 400,
      });
    }
    await mine.hook.reply('echo_by_webhook');
    expect(await http('DELETE', server.url, { headers: { ...mine.headers, 'x-session-id': sessionId } })).toMatchObject(
      {
        status: 200,
      },
    );
    expect(server.server.sessions.list().map(({ id }) => id)).toEqual([sessionId]);
  });

  it('has one stream on which its client hears what it says by itself', async () => {
    const server = await startServer();
    const { headers } = await openSession(server, { webhook: false });
    const stream = await open('GET', server.url, headers);
    expect(stream).toMatchObject({ status: 200 });
    expect(await http('GET', server.url, { headers })).toMatchObject({ status: 409 });
    server.made[0]?.sendToolListChanged();
    await stream.next('the notification', ({ method }) => method === 'notifications/tools/list_changed');
    await http('DELETE', server.url, { headers });
    await until(() => stream.ended(), { message: 'the end of the stream' });
  });

  it('is not freed while its client listens, and is taken up again after it was', async () => {
    const server = await startServer({ sessionIdleTimeoutMs: 20 });
    const { headers } = await openSession(server, { webhook: false });
    const listening = await openSession(server, { webhook: false });
    const stream = await open('GET', server.url, listening.headers);
    await until(() => server.server.sessions.list().length === 1, { message: 'the idle session to be freed' });
    expect(server.server.sessions.list()).toMatchObject([{ id: listening.sessionId }]);
    // On a busy machine it may have been idle while it was opened.
    const made = server.made.length;
    expect(textOf((await post(server.url, call(2, 'echo', { value: 'back' }), headers)).messages[0])).toBe('back');
    expect(server.made).toHaveLength(made + 1);
    stream.cut();
    await until(() => server.server.sessions.list().length === 0, { message: 'both sessions to be freed' });
  });
});

describe("the SDK's own client", () => {
  it('answers what a session asks by itself on the stream that it holds open', async () => {
    const server = await startServer();
    const client = new Client({ name: 'stock', version: '1.0.0' }, { capabilities: { sampling: {} } });
    atTheEnd(() => client.close());
    client.setRequestHandler(CreateMessageRequestSchema, async () => ({
      model: 'm',
      role: 'assistant',
      content: { type: 'text', text: 'sampled' },
    }));
    await client.connect(new StreamableHTTPClientTransport(new URL(server.url)));
    // It opens the stream a little after it has connected; until then nobody hears a question.
    const asked = await until(() => server.made[0]?.server.createMessage({ maxTokens: 1, messages: [] }), {
      message: 'an answer',
    });
    expect(asked).toMatchObject({ content: { text: 'sampled' } });
  });

  it('is told at once where nobody listens to a question', async () => {
    const server = await startServer();
    await openSession(server, { webhook: false });
    await expect(server.made[0]?.server.ping()).rejects.toThrow(/no connection/);
  });

  it('goes on at another server that shares the sessions', async () => {
    const store = new MemorySessionStore();
    const [first, second] = [await startServer({ store }), await startServer({ store })];
    let target = first.url;
    const client = new Client({ name: 'stock', version: '1.0.0' });
    atTheEnd(() => client.close());
    const toTarget = (_url: string | URL, init?: RequestInit): Promise<Response> => fetch(target, init);
    await client.connect(new StreamableHTTPClientTransport(new URL(first.url), { fetch: toTarget }));
    await first.server.close();
    target = second.url;
    expect(await client.callTool({ name: 'echo', arguments: { value: 'two' } })).toMatchObject({
      content: [{ text: 'two' }],
    });
    expect(second.made).toHaveLength(1);
  });
});

describe('names that mean something to JavaScript', () => {
  it.each(['__proto__', 'constructor', 'toString', '', '0'])('%j as the id of a request, both ways', async (id) => {
    const server = await startServer();
    const { headers, hook } = await openSession(server);
    expect(textOf((await post(server.url, call(id, 'echo', { value: 'v' }), headers)).messages[0])).toBe('v');
    expect(await post(server.url, call(id, 'echo_by_webhook', { value: 'v' }), headers)).toMatchObject({ status: 202 });
    expect(JSON.parse((await hook.reply(id)).body)).toMatchObject({ id, result: {} });
    const { messages } = await post(server.url, [ping(id), ping('other')], headers);
    expect(messages).toHaveLength(2);
    expect(new Set(messages.map((one) => one.id))).toEqual(new Set([id, 'other']));
  });

  it.each(['__proto__', 'constructor', 'hasOwnProperty'])('%s as any other name', async (name) => {
    const server = await startServer();
    for (const method of ['GET', 'DELETE', 'POST'] as const) {
      const headers = { 'mcp-session-id': name };
      expect(await http(method, server.url, { headers, body: method === 'POST' ? ping(1) : undefined })).toMatchObject({
        status: 404,
      });
    }
    const { headers, hook } = await openSession(server, { headers: { 'x-client-id': name } });
    const named = { ...headers, 'x-message-id': name };
    expect(await post(server.url, call(1, 'echo_by_webhook', { value: 'v' }), named)).toMatchObject({ status: 202 });
    await hook.reply(1);
    const { messages } = await post(server.url, call(2, name), headers);
    expect(messages).toMatchObject([{ id: 2, result: { isError: true } }]);
  });

  it('1 and "1" are two requests', async () => {
    const server = await startServer();
    const { headers } = await openSession(server, { webhook: false });
    const one = await open('POST', server.url, headers, call(1, 'slow'));
    const other = await open('POST', server.url, headers, call('1', 'slow'));
    await until(() => server.calls.length === 2, { message: 'both calls' });
    server.finish();
    expect(textOf(await one.next('the one', ({ id }) => id === 1))).toBe('slow and steady');
    expect(textOf(await other.next('the other', ({ id }) => id === '1'))).toBe('slow and steady');
  });
});

describe('what is not as it should be', () => {
  it('a message id that was used for another request: each request has the answer of its own', async () => {
    const server = await startServer();
    const { headers, hook } = await openSession(server);
    const named = { ...headers, 'x-message-id': 'one' };
    for (const id of [1, 2, '2']) {
      expect(await post(server.url, ping(id), named)).toMatchObject({ status: 200, messages: [{ id, result: {} }] });
    }
    for (const id of [3, 4]) {
      await post(server.url, call(id, 'echo_by_webhook', { value: `v${id}` }), named);
      expect(textOf(messagesIn((await hook.reply(id)).body)[0])).toBe(`v${id}`);
    }
    expect(server.errors).toEqual([]);
  });

  it('headers that are too large, or a session named twice, do no harm', async () => {
    const server = await startServer();
    expect(await post(server.url, ping(1), { 'x-junk': 'x'.repeat(20_000) })).toMatchObject({ status: 431 });
    const { headers, sessionId } = await openSession(server, { webhook: false });
    const twice = { ...headers, 'mcp-session-id': `${sessionId}, ${sessionId}` };
    expect([400, 404]).toContain((await post(server.url, ping(1), twice)).status);
    expect(await post(server.url, ping(2), headers)).toMatchObject({ status: 200 });
  });

  it.each([undefined, {}, { protocolVersion: 7 }, [], null])('initialize with %j opens no session', async (params) => {
    const server = await startServer();
    const answer = await post(server.url, { jsonrpc: '2.0', id: 1, method: 'initialize', params });
    expect(answer.status).toBeLessThan(500);
    expect(answer.messages).toMatchObject([{ error: { code: expect.any(Number) } }]);
    expect(answer.headers).not.toHaveProperty('mcp-session-id');
    expect(server.server.sessions.list()).toEqual([]);
    expect(server.errors).toEqual([]);
  });

  it.each([
    'https://10.0.0.1/',
    'https://169.254.169.254/latest',
    'https://[::ffff:127.0.0.1]/',
    'https://localhost/',
    'http://example.com/',
    'https://user:pw@example.com/',
    'nonsense',
    7,
    [['https://example.com/']],
    null,
  ])('a webhook at %s opens no session unless it is allowed', async (webhookUrl) => {
    const server = await startServer({ allowWebhookUrl: undefined });
    expect(errorOf(await post(server.url, initialize({ webhookUrl })))).toMatchObject({ status: 400, code: -32602 });
    expect(server.server.sessions.list()).toEqual([]);
  });

  it.each([
    ['no JSON', '{', 400, -32700, 'ERR_MESSAGE_INVALID'],
    ['no JSON-RPC', '{"id":1}', 400, -32600, 'ERR_MESSAGE_INVALID'],
    ['null as id', '{"jsonrpc":"2.0","id":null,"method":"ping"}', 400, -32600, 'ERR_MESSAGE_INVALID'],
    ['an empty batch', '[]', 400, -32600, 'ERR_MESSAGE_INVALID'],
    [
      'a deep one',
      `{"jsonrpc":"2.0","id":1,"method":"ping","params":${'['.repeat(200)}${']'.repeat(200)}}`,
      400,
      -32600,
      'ERR_MESSAGE_INVALID',
    ],
    ['a number', '7', 400, -32600, 'ERR_MESSAGE_INVALID'],
  ])('a body that is %s is refused', async (_what, body, status, code, data) => {
    const { url } = await startServer();
    expect(errorOf(await post(url, body))).toEqual({ status, code, data });
  });

  it.each([
    ['other than JSON', { 'content-type': 'text/plain' }, 415],
    ['for who takes no stream', { accept: 'application/json' }, 406],
    ['of an unknown protocol version', { 'mcp-protocol-version': '1999-01-01' }, 400],
    ['of no session', {}, 400],
    ['of a session nobody knows', { 'mcp-session-id': 'unknown' }, 404],
    ['of a session id that is none', { 'mcp-session-id': 'a b' }, 400],
  ])('a request %s is refused with its status', async (_what, headers, status) => {
    const { url } = await startServer();
    const answer = await post(url, ping(1), headers);
    expect(answer.status).toBe(status);
    expect(answer.messages[0]?.error?.message).toMatch(/\w+/);
  });

  it('a message that is too large is refused with the limit', async () => {
    const { url } = await startServer({ maxMessageBytes: 1024 });
    const answer = await post(url, call(1, 'echo', { value: 'x'.repeat(2000) }));
    expect(answer.status).toBe(413);
    expect(answer.messages[0]?.error?.data).toMatchObject({ code: 'ERR_MESSAGE_TOO_LARGE', limitBytes: 1024 });
  });

  it('other methods are told which there are', async () => {
    const { url } = await startServer();
    expect(await http('PUT', url, { body: {} })).toMatchObject({
      status: 405,
      headers: { allow: 'POST, GET, DELETE' },
    });
    expect(await http('HEAD', url)).toMatchObject({ status: 405 });
    expect(await http('GET', url, { headers: { accept: 'text/html' } })).toMatchObject({ status: 406 });
    expect(await http('GET', url)).toMatchObject({ status: 400 });
    expect(await http('DELETE', url)).toMatchObject({ status: 400 });
  });

  it('a probe for a newer protocol hears that the method is not known', async () => {
    const { url } = await startServer();
    const answer = await post(url, { jsonrpc: '2.0', id: 'probe', method: 'server/discover' });
    expect(answer).toMatchObject({ status: 200, messages: [{ id: 'probe', error: { code: -32601 } }] });
  });

  it('initialize inside a session is refused', async () => {
    const server = await startServer();
    const { headers } = await openSession(server);
    expect(await post(server.url, initialize(), headers)).toMatchObject({ status: 400 });
  });

  it('a webhook at an address that is not allowed, and a secret that is none, open no session', async () => {
    const { url, server } = await startServer();
    const { url: webhookUrl } = await hookEndpoint();
    expect(errorOf(await post(url, initialize({ webhookUrl: 'https://10.0.0.1/hook' })))).toEqual({
      status: 400,
      code: -32602,
      data: 'ERR_REPLY_ADDRESS_REFUSED',
    });
    expect(errorOf(await post(url, initialize({ webhookUrl, webhookSecret: 'no secret' })))).toEqual({
      status: 400,
      code: -32602,
      data: 'ERR_MESSAGE_INVALID',
    });
    expect(server.sessions.list()).toEqual([]);
  });

  it('a request id that is in use is refused, and its first user is answered', async () => {
    const server = await startServer();
    const { headers } = await openSession(server, { webhook: false });
    const stream = await open('POST', server.url, headers, call(3, 'slow'));
    await until(() => server.calls.length === 1, { message: 'the call' });
    expect(errorOf(await post(server.url, call(3, 'slow'), headers))).toEqual({
      status: 400,
      code: -32600,
      data: 'ERR_MESSAGE_INVALID',
    });
    server.finish();
    expect(textOf(await stream.next('the result', ({ id }) => id === 3))).toBe('slow and steady');
  });
});

describe('limits', () => {
  it('the session beyond the last one is told to come back later', async () => {
    const server = await startServer({ maxSessions: 2 });
    for (let opened = 0; opened < 2; opened++) {
      const { headers } = await openSession(server, { webhook: false });
      await open('GET', server.url, headers);
    }
    const refused = await post(server.url, initialize());
    expect(errorOf(refused)).toEqual({ status: 503, code: -32603, data: 'ERR_SESSION_LIMIT' });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  });

  it('calls beyond what a session or the server may have in flight are told to wait, cancellations are not', async () => {
    const server = await startServer({ maxCallsPerSession: 1, maxCallsInFlight: 2 });
    const one = await openSession(server, { webhook: false });
    const other = await openSession(server);
    const stream = await open('POST', server.url, one.headers, call(1, 'slow'));
    expect(await post(server.url, call(2, 'slow'), one.headers)).toMatchObject({
      status: 429,
      headers: { 'retry-after': '1' },
    });
    expect(await post(server.url, call(1, 'slow_by_webhook'), other.headers)).toMatchObject({ status: 202 });
    const third = await openSession(server).catch((error: unknown) => String(error));
    expect(third).toMatch(/503/);
    const cancelled = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } };
    expect(await post(server.url, cancelled, one.headers)).toMatchObject({ status: 202 });
    await until(() => stream.ended(), { message: 'the end of the cancelled call' });
    expect(stream.messages().filter(({ id }) => id === 1)).toEqual([]);
    expect(await post(server.url, call(4, 'echo', { value: '' }), one.headers)).toMatchObject({ status: 200 });
  });
});
