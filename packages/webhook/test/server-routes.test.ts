import { describe, expect, it } from '@jest/globals';
import { fastify } from 'fastify';
import { until } from '@asyncmcp/testkit';
import { WebhookServer } from '../src/index.js';
import { http, initialize, ping, toolCall } from './http-client.js';
import { atTheEnd, endpoint, openSession, startServer } from './server-system.js';

/** The `data.code` of a body that is a JSON-RPC error, which every error of ours has to be. */
function codeIn(body: unknown): unknown {
  const { jsonrpc, error } = body as {
    jsonrpc?: unknown;
    error?: { code?: unknown; message?: unknown; data?: { code?: unknown } };
  };
  expect(jsonrpc).toBe('2.0');
  expect(typeof error?.code).toBe('number');
  expect(typeof error?.message).toBe('string');
  return error?.data?.code;
}

describe('POST', () => {
  it('opens a session: 200, its id in body and header, and the reply by webhook under the same id', async () => {
    const server = await startServer();
    const hook = await endpoint();
    const opened = await http('POST', server.url, { headers: { 'x-client-id': 'ada' }, body: initialize(hook.url) });
    expect(opened.status).toBe(200);
    const { status, session_id } = opened.body as Record<string, unknown>;
    expect(status).toBe('session_created');
    expect(opened.headers['x-session-id']).toBe(session_id);
    const reply = await hook.reply(1);
    expect(reply.headers).toMatchObject({
      'x-session-id': session_id,
      'x-client-id': 'ada',
      'content-type': 'application/json',
    });
  });

  it('takes a message of a session: 202 at once, and the reply when the tool is done', async () => {
    const server = await startServer();
    const { endpoint: hook, headers } = await openSession(server);
    const taken = await http('POST', server.url, { headers, body: toolCall(2, 'slow') });
    expect([taken.status, taken.body]).toEqual([202, { status: 'received', attempt: 1, server: expect.any(String) }]);
    expect(hook.hooks).toHaveLength(1);
    server.finish();
    const { body } = await hook.reply(2);
    expect(JSON.parse(body)).toMatchObject({ result: { content: [{ text: 'slow and steady' }] } });
  });

  it('takes a message without a session id for the one session of its client, until there are two', async () => {
    const server = await startServer();
    const first = await openSession(server, 'ada');
    const alone = await http('POST', server.url, { headers: { 'x-client-id': 'ada' }, body: ping(2) });
    expect(alone.status).toBe(202);
    await first.endpoint.reply(2);
    // Whoever opens a session under the same name is not sent what the other says.
    const second = await openSession(server, 'ada');
    const unclear = await http('POST', server.url, { headers: { 'x-client-id': 'ada' }, body: ping(3) });
    expect([unclear.status, codeIn(unclear.body)]).toEqual([400, 'ERR_SESSION_REQUIRED']);
    expect(second.endpoint.hooks).toHaveLength(1);
  });

  it('finds the client’s session again once the other has ended', async () => {
    const server = await startServer();
    const first = await openSession(server, 'ada');
    await http('DELETE', server.url, { headers: first.headers });
    const second = await openSession(server, 'ada');
    const { status } = await http('POST', server.url, { headers: { 'x-client-id': 'ada' }, body: ping(2) });
    expect(status).toBe(202);
    await second.endpoint.reply(2);
  });

  it('absorbs a copy of a message while it is worked on, and answers again afterwards', async () => {
    const server = await startServer();
    const { endpoint: hook, headers } = await openSession(server);
    const message = { headers: { ...headers, 'x-message-id': 'one' }, body: toolCall(2, 'slow') };
    await http('POST', server.url, message);
    const copy = await http('POST', server.url, message);
    expect([copy.status, server.begun()]).toEqual([202, 1]);
    expect(copy.body).not.toHaveProperty('attempt');
    server.finish();
    await hook.reply(2);
    const late = await http('POST', server.url, message);
    expect([late.status, server.begun()]).toEqual([202, 1]);
    await until(() => hook.hooks.length === 3, { message: 'the answer once more' });
    expect(hook.hooks[2]?.body).toBe(hook.hooks[1]?.body);
  });
});

describe('a request that is posted again', () => {
  it('is left to the process that took it, unless this one has it, too', async () => {
    const server = await startServer();
    const { endpoint: hook, headers } = await openSession(server);
    const again = { ...headers, 'x-message-id': 'one', 'x-taken-by': 'another-process' };
    const refused = await http('POST', server.url, { headers: again, body: ping(2) });
    expect([refused.status, refused.headers['retry-after']]).toEqual([503, '0']);
    expect(refused.body).toMatchObject({ error: { data: { elsewhere: true } } });
    const { 'x-taken-by': _named, ...unnamed } = again;
    expect((await http('POST', server.url, { headers: unnamed, body: ping(2) })).status).toBe(202);
    await hook.reply(2);
    expect((await http('POST', server.url, { headers: again, body: ping(2) })).status).toBe(202);
  });
});

describe('an error', () => {
  const inSession = { 'x-client-id': 'ada', 'x-session-id': 'nobody' };

  it.each([
    ['no client id', {}, ping(1), 400, 'ERR_MESSAGE_INVALID'],
    ['two client ids', { 'x-client-id': 'ada, bob' }, ping(1), 400, 'ERR_MESSAGE_INVALID'],
    ['no JSON', { 'x-client-id': 'ada' }, 'hello', 400, 'ERR_MESSAGE_INVALID'],
    ['an empty body', { 'x-client-id': 'ada' }, '', 400, 'ERR_MESSAGE_INVALID'],
    ['no session', { 'x-client-id': 'ada' }, ping(1), 400, 'ERR_SESSION_REQUIRED'],
    ['an unknown session', inSession, ping(1), 404, 'ERR_SESSION_NOT_FOUND'],
    [
      'a private webhook URL',
      { 'x-client-id': 'ada' },
      initialize('https://10.0.0.1/hook'),
      400,
      'ERR_REPLY_ADDRESS_REFUSED',
    ],
    ['no webhook URL', { 'x-client-id': 'ada' }, { ...initialize(''), id: 7 }, 400, 'ERR_MESSAGE_INVALID'],
    [
      'another content type',
      { 'x-client-id': 'ada', 'content-type': 'text/plain' },
      'hello',
      415,
      'ERR_MESSAGE_INVALID',
    ],
    ['too much', { 'x-client-id': 'ada' }, 'x'.repeat(5000), 413, 'ERR_MESSAGE_TOO_LARGE'],
  ])('for %s', async (_what, headers, body, status, code) => {
    const server = await startServer({ maxMessageBytes: 4096 });
    const answer = await http('POST', server.url, { headers, body });
    expect([answer.status, codeIn(answer.body)]).toEqual([status, code]);
  });

  it('for a malformed secret says so, and does not show it', async () => {
    const server = await startServer();
    const { url } = await endpoint();
    const body = initialize(url, 1, { webhookSecret: 'whsec_tooshort' });
    const answer = await http('POST', server.url, { headers: { 'x-client-id': 'ada' }, body });
    expect([answer.status, codeIn(answer.body)]).toEqual([400, 'ERR_MESSAGE_INVALID']);
    expect(JSON.stringify(answer.body)).not.toContain('tooshort');
  });

  it('for an unsupported protocol version', async () => {
    const server = await startServer();
    const { headers } = await openSession(server);
    const versioned = { ...headers, 'x-protocol-version': '1999-12-31' };
    const answer = await http('POST', server.url, { headers: versioned, body: ping(2) });
    expect([answer.status, codeIn(answer.body)]).toEqual([400, 'ERR_PROTOCOL_VERSION']);
  });

  it('for another method: 405, and which ones there are', async () => {
    const server = await startServer();
    for (const method of ['GET', 'PUT'] as const) {
      const answer = await http(method, server.url);
      expect([answer.status, answer.headers['allow'], codeIn(answer.body)]).toEqual([
        405,
        'POST, DELETE',
        'ERR_MESSAGE_INVALID',
      ]);
    }
  });
});

describe('DELETE', () => {
  it('ends the session, once', async () => {
    const server = await startServer();
    const { headers } = await openSession(server);
    const ended = await http('DELETE', server.url, { headers });
    expect([ended.status, ended.body]).toEqual([200, { status: 'terminated' }]);
    expect(server.server.sessions.list()).toEqual([]);
    const again = await http('DELETE', server.url, { headers });
    expect([again.status, codeIn(again.body)]).toEqual([404, 'ERR_SESSION_NOT_FOUND']);
  });

  it('without a session, or of another client, ends nothing', async () => {
    const server = await startServer();
    const { sessionId } = await openSession(server, 'ada');
    expect((await http('DELETE', server.url, { headers: { 'x-client-id': 'ada' } })).status).toBe(400);
    for (const headers of [{ 'x-client-id': 'bob', 'x-session-id': sessionId }, { 'x-session-id': sessionId }]) {
      expect((await http('DELETE', server.url, { headers })).status).toBe(404);
    }
    expect(server.server.sessions.list()).toHaveLength(1);
  });
});

describe('limits', () => {
  it('the session beyond maxSessions is told 503 and when to come again', async () => {
    const server = await startServer({ maxSessions: 2 });
    await openSession(server, 'ada');
    const { headers } = await openSession(server, 'bob');
    const { url } = await endpoint();
    const third = { headers: { 'x-client-id': 'eve' }, body: initialize(url) };
    const refused = await http('POST', server.url, third);
    expect([refused.status, codeIn(refused.body)]).toEqual([503, 'ERR_SESSION_LIMIT']);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    await http('DELETE', server.url, { headers });
    expect((await http('POST', server.url, third)).status).toBe(200);
  });

  it('a session with too many calls in flight is told 429, another is served, and cancellations come in', async () => {
    const server = await startServer({ maxCallsPerSession: 2 });
    const busy = await openSession(server, 'ada');
    const other = await openSession(server, 'bob');
    const call = (id: number): ReturnType<typeof http> =>
      http('POST', server.url, {
        headers: { ...busy.headers, 'x-request-id': String(id) },
        body: toolCall(id, 'slow'),
      });
    expect([(await call(2)).status, (await call(3)).status]).toEqual([202, 202]);
    const refused = await call(4);
    expect([refused.status, refused.headers['retry-after'], codeIn(refused.body)]).toEqual([
      429,
      '1',
      'ERR_UNAVAILABLE',
    ]);
    expect((await http('POST', server.url, { headers: other.headers, body: ping(2) })).status).toBe(202);
    const body = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 2 } };
    expect((await http('POST', server.url, { headers: busy.headers, body })).status).toBe(202);
    expect((await call(5)).status).toBe(202);
  });

  it('copies of calls that run take no place: they are absorbed, however many come and however full it is', async () => {
    const server = await startServer({ maxCallsPerSession: 2 });
    const { headers } = await openSession(server);
    const call = (id: number): ReturnType<typeof http> =>
      http('POST', server.url, {
        headers: { ...headers, 'x-request-id': String(id), 'x-message-id': `call-${id}` },
        body: toolCall(id, 'slow'),
      });
    for (const id of [2, 2, 2, 2, 3, 3, 2]) expect((await call(id)).status).toBe(202);
    expect([(await call(4)).status, server.begun()]).toEqual([429, 2]);
  });

  it('a server with too many calls in flight says 503', async () => {
    const server = await startServer({ maxCallsInFlight: 1 });
    const { headers } = await openSession(server);
    const call = (id: number): ReturnType<typeof http> =>
      http('POST', server.url, { headers: { ...headers, 'x-request-id': String(id) }, body: toolCall(id, 'slow') });
    expect((await call(2)).status).toBe(202);
    const refused = await call(3);
    expect([refused.status, refused.headers['retry-after'], codeIn(refused.body)]).toEqual([
      503,
      '1',
      'ERR_UNAVAILABLE',
    ]);
  });
});

describe('the id of a session', () => {
  it('is told to who opens it, and not to who knows its client id and calls something else an initialize', async () => {
    const server = await startServer();
    const { clientId, sessionId } = await openSession(server, 'billing');
    for (const method of ['initialize', 'ping', undefined]) {
      const headers = { 'x-client-id': clientId, ...(method !== undefined && { 'x-method': method }) };
      const answer = await http('POST', server.url, { headers, body: ping(`of ${String(method)}`) });
      expect(answer.status).toBe(202);
      expect(JSON.stringify(answer)).not.toContain(sessionId);
    }
  });
});

describe('the plugin', () => {
  it('serves in a fastify of the user’s, below a prefix, and leaves its routes and bodies alone', async () => {
    const app = fastify();
    app.post('/own', async (request) => ({ parsed: request.body }));
    const server = new WebhookServer({
      createServer: () => Promise.reject(new Error('not asked')),
      healthPath: '/healthz',
    });
    await app.register(server.plugin, { prefix: '/x' });
    const url = await app.listen({ port: 0, host: '127.0.0.1' });
    atTheEnd(() => app.close());
    const refused = await http('POST', `${url}/x/mcp/request`, { headers: { 'x-client-id': 'ada' }, body: ping(1) });
    expect([refused.status, codeIn(refused.body)]).toEqual([400, 'ERR_SESSION_REQUIRED']);
    expect((await http('POST', `${url}/own`, { body: { a: 1 } })).body).toEqual({ parsed: { a: 1 } });
    expect((await http('GET', `${url}/x/healthz`)).body).toEqual({ status: 'ok' });
    await server.close();
    const late = await http('POST', `${url}/x/mcp/request`, { headers: { 'x-client-id': 'ada' }, body: ping(1) });
    expect([late.status, codeIn(late.body), late.headers['retry-after']]).toEqual([503, 'ERR_CLOSED', '1']);
    expect(await http('GET', `${url}/x/healthz`)).toMatchObject({ status: 503, body: { status: 'closing' } });
    expect((await http('POST', `${url}/own`, { body: {} })).status).toBe(200);
  });

  it('is closed with the fastify it is in', async () => {
    const app = fastify();
    const server = new WebhookServer({ createServer: () => Promise.reject(new Error('not asked')) });
    await app.register(server.plugin);
    await app.ready();
    await app.close();
    await expect(server.listen({ port: 0 })).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });
});

describe('listen', () => {
  it('says when the port is taken, and leaves nothing open', async () => {
    const server = await startServer();
    const second = new WebhookServer({ createServer: () => Promise.reject(new Error('not asked')) });
    const port = Number(new URL(server.url).port);
    await expect(second.listen({ port })).rejects.toMatchObject({ code: 'ERR_UNAVAILABLE' });
    await second.close();
  });

  it.each([
    [{ port: -1 }, /"port" is -1/],
    [{ port: 0, hots: 'x' }, /no option "hots"/],
  ])('refuses %j', async (options, message) => {
    const server = new WebhookServer({ createServer: () => Promise.reject(new Error('not asked')) });
    await expect(server.listen(options)).rejects.toMatchObject({
      code: 'ERR_INVALID_OPTION',
      message: expect.stringMatching(message),
    });
  });
});
