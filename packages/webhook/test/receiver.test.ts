import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { rejectionOf, until } from '@asyncmcp/testkit';
import { fastify } from 'fastify';
import { request } from 'undici';
import { WebhookReceiver, generateSecret } from '../src/index.js';
import { http } from './http-client.js';
import {
  BODY,
  FakeClient,
  atTheEnd,
  errorOf,
  post,
  raw,
  rawPost,
  recordingLogger,
  signed,
  startReceiver,
  waitingMessages,
} from './receiver-system.js';
import { failureOf } from './support.js';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

const unsigned = { secrets: false } as const;

function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve());
  });
}

/** A fastify as a user has it: routes of its own, which parse JSON. */
async function usersFastify(
  receiver: WebhookReceiver,
  prefix = '/hooks',
): Promise<{ app: FastifyInstance; url: string }> {
  const app = fastify();
  atTheEnd(() => app.close());
  app.post('/json', async ({ body }) => ({ body }));
  await app.register(receiver.plugin, { prefix });
  app.post('/later', async ({ body }) => ({ body }));
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  return { app, url };
}

describe('options', () => {
  it.each([
    ['path', 'webhook'],
    ['path', '/:id'],
    ['path', 7],
    ['secrets', true],
    ['secrets', null],
    ['secrets', 7],
    ['secrets', 'whsec_short'],
    ['secrets', []],
    ['secrets', [generateSecret(), 'x']],
    ['maxMessageBytes', 1023],
    ['maxMessageBytes', '2000'],
    ['waitForClientMs', -1],
    ['waitForClientMs', 60_001],
    ['toleranceSeconds', 0],
    ['toleranceSeconds', 3601],
    ['logger', {}],
    ['secret', generateSecret()],
  ])('%s: %p is refused', (option, value) => {
    const failure = failureOf(() => new WebhookReceiver({ [option]: value }));
    expect(failure).toMatchObject({ code: 'ERR_INVALID_OPTION', message: expect.stringContaining(`"${option}`) });
  });

  it('may all be left out', () => {
    expect(new WebhookReceiver().path).toBe('/webhook/response');
  });

  it.each(['', 'two words', 'ü', 'x'.repeat(129), undefined])('a client with the id %p is refused', (clientId) => {
    const client = Object.assign(new FakeClient(), { clientId });
    const failure = failureOf(() => new WebhookReceiver().attach(client));
    expect(failure).toMatchObject({ code: 'ERR_INVALID_OPTION', details: { option: 'clientId' } });
  });

  it('a client id that is attached already is refused, until it is detached', () => {
    const receiver = new WebhookReceiver();
    const { detach } = receiver.attach(new FakeClient());
    const failure = failureOf(() => receiver.attach(new FakeClient()));
    expect(failure).toMatchObject({ code: 'ERR_INVALID_OPTION', message: expect.stringContaining('attached') });
    detach();
    expect(receiver.attach(new FakeClient()).secret).toMatch(/^whsec_/);
  });
});

describe('the route', () => {
  it.each(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const)('answers %s with 405', async (method) => {
    const { url } = await startReceiver();
    const { statusCode, headers, body } = await request(url, { method });
    expect([statusCode, headers['allow']]).toEqual([405, 'POST']);
    const text = await body.text();
    // An answer to HEAD has no body.
    expect(text).toMatch(method === 'HEAD' ? /^$/ : /"jsonrpc":"2.0".*"code":-32600/);
  });

  it('answers 405 whatever the body is', async () => {
    const { url } = await startReceiver({ maxMessageBytes: 1024 });
    const body = 'x'.repeat(2000);
    expect((await http('PUT', url, { headers: { 'content-type': 'text/plain' }, body })).status).toBe(405);
  });

  it.each(['text/plain', 'application/jsonx', 'application/cloudevents+json', 'nonsense', undefined])(
    'answers the content type %p with 415',
    async (type) => {
      const { receiver, port } = await startReceiver(unsigned);
      const client = new FakeClient();
      receiver.attach(client);
      const headers = ['X-Client-ID: client', ...(type === undefined ? [] : [`Content-Type: ${type}`])];
      const answer = await raw(port, [rawPost('/webhook/response', headers, BODY)]);
      expect(answer).toMatch(/^HTTP\/1\.1 415 /);
      expect(answer).toContain('"jsonrpc":"2.0"');
      expect(client.received).toEqual([]);
    },
  );

  it('answers a POST without anything with 415', async () => {
    const { port } = await startReceiver();
    expect(await raw(port, [rawPost('/webhook/response', [], '')])).toMatch(/^HTTP\/1\.1 415 /);
  });

  it.each(['application/json', 'application/json; charset=utf-8', 'Application/JSON'])('takes %s', async (type) => {
    const { receiver, url } = await startReceiver(unsigned);
    const client = new FakeClient();
    receiver.attach(client);
    expect((await post(url, { 'content-type': type, 'x-client-id': 'client' })).status).toBe(200);
    expect(client.bodies).toEqual([BODY]);
  });

  it('reports a client that fails after it has taken a message, whose sender has done its part', async () => {
    const { receiver, url, logger } = await startReceiver(unsigned);
    const client = new FakeClient();
    client.take = async (delivery) => {
      await delivery.ack();
      throw new Error('too late');
    };
    receiver.attach(client);
    expect((await post(url, { 'x-client-id': 'client' })).status).toBe(200);
    expect(logger.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
  });

  it('answers what is too large with 413, and says how much may be sent', async () => {
    const { receiver, url, port } = await startReceiver({ ...unsigned, maxMessageBytes: 1024 });
    const client = new FakeClient();
    receiver.attach(client);
    const answer = await post(url, { 'x-client-id': 'client' }, 'x'.repeat(1025));
    expect(answer).toMatchObject({ status: 413, body: { error: { data: { limitBytes: 1024 } } } });
    expect(errorOf(answer)).toBe('ERR_MESSAGE_TOO_LARGE');
    const type = ['Content-Type: application/json', 'Transfer-Encoding: chunked', 'Host: x', 'Connection: close'];
    const chunked = [`POST /webhook/response HTTP/1.1`, ...type, '', '401', 'x'.repeat(1025), '0', '', ''].join('\r\n');
    expect(await raw(port, [chunked])).toMatch(/^HTTP\/1\.1 413 /);
    expect((await post(url, { 'x-client-id': 'client' }, 'x'.repeat(1024))).status).toBe(200);
    expect(client.received).toHaveLength(1);
  });
});

describe('in a fastify of the user’s', () => {
  it('a receiver takes messages under a prefix, and leaves other routes as they are', async () => {
    const receiver = new WebhookReceiver({ path: '/in', maxMessageBytes: 1024 });
    const { url } = await usersFastify(receiver);
    const client = new FakeClient();
    const { secret } = receiver.attach(client);
    expect((await post(`${url}/hooks/in`, signed(secret))).status).toBe(200);
    expect((await post(`${url}/in`, signed(secret, { id: 'msg_2' }))).status).toBe(404);
    expect(client.bodies).toEqual([BODY]);
    for (const path of ['/json', '/later']) {
      const body = { text: 'x'.repeat(2000) };
      expect(await http('POST', url + path, { body })).toMatchObject({ status: 200, body: { body } });
      expect(await http('POST', url + path, { body: '{' })).toMatchObject({ status: 400, body: { statusCode: 400 } });
      const text = { headers: { 'content-type': 'text/plain' }, body: 'text' };
      expect(await http('POST', url + path, text)).toMatchObject({ status: 200, body: { body: 'text' } });
    }
  });

  it('a receiver answers 503 once it is closed, and the rest goes on', async () => {
    const receiver = new WebhookReceiver();
    const { url } = await usersFastify(receiver);
    await receiver.close();
    const answer = await post(`${url}/hooks/webhook/response`, {});
    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
    expect(errorOf(answer)).toBe('ERR_CLOSED');
    expect((await http('POST', `${url}/json`, { body: {} })).status).toBe(200);
  });

  it('a receiver cannot be registered when it is closed', async () => {
    const receiver = new WebhookReceiver();
    await receiver.close();
    const app = fastify();
    expect(await rejectionOf(Promise.resolve(app.register(receiver.plugin)))).toMatchObject({ code: 'ERR_CLOSED' });
    await app.close();
  });

  it('a receiver does not hold up the closing of that', async () => {
    const logger = recordingLogger();
    const receiver = new WebhookReceiver({ waitForClientMs: 60_000, logger });
    const { app, url } = await usersFastify(receiver);
    const waits = waitingMessages(logger);
    const posted = post(`${url}/hooks/webhook/response`, { 'x-client-id': 'client' });
    await waits;
    await app.close();
    expect((await posted).status).toBe(503);
    receiver.attach(new FakeClient());
    await receiver.close();
  });

  it('a receiver does not let anything wait that is looked at only once that has begun to close', async () => {
    const receiver = new WebhookReceiver({ ...unsigned, waitForClientMs: 60_000 });
    const app = fastify();
    atTheEnd(() => app.close());
    const closed: Promise<unknown>[] = [];
    app.addHook('preHandler', (_request, _reply, done) => {
      done();
      closed.push(app.close());
    });
    await app.register(receiver.plugin);
    const url = await app.listen({ port: 0, host: '127.0.0.1' });
    const answer = await post(`${url}/webhook/response`, { 'x-client-id': 'client', connection: 'close' });
    expect([answer.status, errorOf(answer)]).toEqual([503, 'ERR_CLOSED']);
    await Promise.all(closed);
    await receiver.close();
  });

  it('a receiver may also be reached by a port of its own', async () => {
    const { receiver, url: own } = await startReceiver(unsigned);
    const { url } = await usersFastify(receiver, '/one');
    const other = await usersFastify(receiver, '/two');
    const client = new FakeClient();
    receiver.attach(client);
    for (const target of [own, `${url}/one${receiver.path}`, `${other.url}/two${receiver.path}`]) {
      expect((await post(target, { 'x-client-id': 'client' })).status).toBe(200);
    }
    expect(client.received).toHaveLength(3);
  });
});

describe('a receiver', () => {
  it('listens once', async () => {
    const { receiver } = await startReceiver();
    expect(await rejectionOf(receiver.listen({ port: 0 }))).toMatchObject({ code: 'ERR_ALREADY_STARTED' });
  });

  it('may try another port when it cannot have one', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    atTheEnd(() => taken.close());
    const address = taken.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const receiver = new WebhookReceiver(unsigned);
    atTheEnd(() => receiver.close());
    expect(await rejectionOf(receiver.listen({ port }))).toMatchObject({ code: 'ERR_UNAVAILABLE' });
    expect(await rejectionOf(receiver.listen({ port: -1 }))).toMatchObject({ code: 'ERR_INVALID_OPTION' });
    const { url, host, port: other } = await receiver.listen({ port: 0 });
    expect({ url, host }).toEqual({ url: `http://127.0.0.1:${other}`, host: '127.0.0.1' });
    receiver.attach(new FakeClient());
    expect((await post(url + receiver.path, { 'x-client-id': 'client' })).status).toBe(200);
  });

  it('is closed for good', async () => {
    const { receiver, url } = await startReceiver();
    expect(receiver.close()).toBe(receiver.close());
    await receiver.close();
    await expect(post(url, {})).rejects.toThrow(/ECONNREFUSED/);
    expect(failureOf(() => receiver.attach(new FakeClient()))).toMatchObject({ code: 'ERR_CLOSED' });
    expect(await rejectionOf(receiver.listen({ port: 0 }))).toMatchObject({ code: 'ERR_CLOSED' });
  });

  it('may be closed while it begins to listen', async () => {
    const receiver = new WebhookReceiver();
    const listening = rejectionOf(receiver.listen({ port: 0 }));
    await receiver.close();
    expect(await listening).toMatchObject({ code: 'ERR_CLOSED' });
  });

  it('tells the clients that are still attached when it closes', async () => {
    const { receiver } = await startReceiver();
    const [here, gone] = [new FakeClient('here'), new FakeClient('gone')];
    receiver.attach(here);
    receiver.attach(gone).detach();
    await receiver.close();
    expect(here.lost).toEqual([expect.objectContaining({ code: 'ERR_CLOSED' })]);
    expect(gone.lost).toEqual([]);
  });

  it('is not kept from closing by who sends slowly, or nothing', async () => {
    const { receiver, port } = await startReceiver();
    const sockets = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
    for (const socket of sockets) {
      socket.on('error', () => {}).resume();
      await once(socket, 'connect');
    }
    sockets[0]?.write(
      'POST /webhook/response HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
    );
    const closed = sockets.map((socket) => closeOf(socket));
    const began = performance.now();
    await receiver.close();
    expect(performance.now() - began).toBeLessThan(10_000);
    await Promise.all(closed);
  });

  it('leaves nothing open', async () => {
    const open = (pattern: RegExp): number =>
      process.getActiveResourcesInfo().filter((name) => pattern.test(name)).length;
    const [timers, sockets] = [open(/^Timeout$/), open(/^TCP/)];
    const logger = recordingLogger();
    const receiver = new WebhookReceiver({ logger, waitForClientMs: 60_000 });
    const { url } = await receiver.listen({ port: 0 });
    const waits = waitingMessages(logger, 3);
    const posts = [1, 2, 3].map(() => post(url + receiver.path, { 'x-client-id': 'client' }));
    await waits;
    await receiver.close();
    await Promise.all(posts);
    expect(open(/^Timeout$/)).toBeLessThanOrEqual(timers);
    await until(() => open(/^TCP/) <= sockets, { message: () => String(process.getActiveResourcesInfo()) });
  });
});
