import { afterEach, describe, expect, it } from '@jest/globals';
import { createEnvelope } from '@asyncmcp/core';
import { rejectionOf } from '@asyncmcp/testkit';
import { generateSecret } from '../src/secret.js';
import { createSigner, createVerifier } from '../src/signature.js';
import { inTurn, status } from './hook-server.js';
import { stubLookup } from './support.js';
import { answerTo, createSenders, progressOf } from './webhook-sender-system.js';
import type { Answer } from './hook-server.js';

const { sender, hookServer, close } = createSenders();
afterEach(close);

/** Closes the connection in place of an answer. */
const hangUp: Answer = (_hook, response) => void response.socket?.destroy();
/** Promises a body and closes the connection within it. */
const breakOff =
  (code: number): Answer =>
  (_hook, response) => {
    response.writeHead(code, { 'content-length': '1000' });
    response.write('{', () => response.socket?.destroy());
  };

describe('a webhook', () => {
  it('is the message as JSON, with its metadata in headers', async () => {
    const server = await hookServer(status(204));
    const envelope = createEnvelope(
      { jsonrpc: '2.0', id: 'ä', method: 'sampling/createMessage', params: { text: 'für dich ✓' } },
      { sessionId: 's', clientId: 'c', protocolVersion: '2025-06-18', relatedRequestId: 0, replyTo: 'https://a.b/c' },
    );
    await sender().send(`${server.url}?key=1`, envelope, undefined);
    expect(server.hooks).toHaveLength(1);
    expect(JSON.parse(server.hooks[0]?.body ?? '')).toEqual(envelope.message);
    expect(server.hooks[0]).toMatchObject({
      path: '/hook?key=1',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'asyncmcp-webhook',
        'x-session-id': 's',
        'x-client-id': 'c',
        'x-message-id': envelope.messageId,
        'x-protocol-version': '2025-06-18',
        'x-method': 'sampling/createMessage',
        'x-related-request-id': '0',
        'x-reply-to': 'https://a.b/c',
      },
    });
    expect(server.hooks[0]?.headers).not.toHaveProperty('webhook-signature');
  });

  it('has the same id and a later timestamp with each try, and a good signature', async () => {
    const server = await hookServer(inTurn(status(500), status(404), status(503), status(200)));
    const secret = generateSecret();
    const clock = Date.now();
    const envelope = answerTo(1);
    await sender({ now: () => clock }).send(server.url, envelope, createSigner(secret));
    const verifier = createVerifier({ secrets: secret, now: () => clock });
    const verified = server.hooks.map(({ headers, body }) => verifier.verify(headers, body));
    const first = Math.floor(clock / 1000);
    expect(verified).toEqual([0, 1, 2, 3].map((step) => ({ id: envelope.messageId, timestamp: first + step })));
  });

  it.each([200, 201, 202, 204, 299])('is delivered by a %p, whatever else is said', async (code) => {
    const server = await hookServer(inTurn(status(code), status(500)));
    await sender().send(server.url, answerTo(1), undefined);
    expect(server.hooks).toHaveLength(1);
  });

  it('is delivered by a 200 whose body breaks off, or is too long', async () => {
    const server = await hookServer(inTurn(breakOff(200), status(200, {}, 'x'.repeat(100_000))));
    const system = sender({ connections: { maxResponseBytes: 1000 } });
    await system.send(server.url, answerTo(1), undefined);
    await system.send(server.url, answerTo(2), undefined);
    await system.close(10_000);
    expect({ hooks: server.hooks.length, undelivered: system.undelivered }).toEqual({ hooks: 2, undelivered: [] });
  });

  it('shares connections with others', async () => {
    const server = await hookServer(status(200, {}, '{"status":"received"}'));
    const system = sender({ connections: { connectionsPerOrigin: 1 } });
    for (let id = 0; id < 5; id++) await system.send(server.url, answerTo(id), undefined);
    expect(server.connections).toBe(1);
  });

  it('is refused when it cannot be written as JSON', async () => {
    const server = await hookServer();
    const system = sender();
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    for (const result of [circle, { big: 1n }]) {
      const envelope = createEnvelope({ jsonrpc: '2.0', id: 1, result });
      expect(await rejectionOf(system.send(server.url, envelope, undefined))).toMatchObject({
        code: 'ERR_MESSAGE_INVALID',
      });
    }
    expect({ hooks: server.hooks, undelivered: system.undelivered }).toEqual({ hooks: [], undelivered: [] });
  });

  it('fails for good, and harms nothing, when it cannot be signed', async () => {
    const server = await hookServer();
    const system = sender();
    const envelope = createEnvelope({ jsonrpc: '2.0', id: 1, result: {} }, { messageId: 'a.b', sessionId: 'session' });
    expect(await rejectionOf(system.send(server.url, envelope, createSigner(generateSecret())))).toMatchObject({
      code: 'ERR_INVALID_OPTION',
    });
    expect(system.undelivered).toHaveLength(1);
    await system.send(server.url, answerTo(1), undefined);
    await system.close(10_000);
  });
});

describe('tried again', () => {
  it.each([301, 302, 307, 308, 404, 408, 425, 429, 500, 502, 503, 504, 599])('after %p', async (code) => {
    const server = await hookServer(inTurn(status(code, {}, 'later'), status(200)));
    const system = sender();
    await system.send(server.url, answerTo(1), undefined);
    expect({ hooks: server.hooks.length, retries: system.retries }).toEqual({ hooks: 2, retries: 1 });
  });

  it('when the endpoint hangs up, before or within its answer', async () => {
    const server = await hookServer(inTurn(hangUp, breakOff(500), status(200)));
    await sender().send(server.url, answerTo(1), undefined);
    expect(server.hooks).toHaveLength(3);
    expect(new Set(server.hooks.map(({ headers }) => headers['x-message-id'])).size).toBe(1);
  });

  it('when the endpoint hangs', async () => {
    const server = await hookServer(inTurn(() => {}, status(200)));
    await sender({ connections: { responseTimeoutMs: 150 } }).send(server.url, answerTo(1), undefined);
    expect(server.hooks).toHaveLength(2);
  });

  it('while the endpoint is down', async () => {
    const { port, url, close: stop } = await hookServer();
    await stop();
    const system = sender();
    const sent = system.send(url, answerTo(1), undefined);
    await system.retried(2);
    const server = await hookServer(status(200), port);
    await sent;
    expect(server.hooks).toHaveLength(1);
  });

  it('while its name is not resolved', async () => {
    const server = await hookServer();
    const unknown = Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' });
    const system = sender({ guarding: { lookup: stubLookup(unknown, [], ['127.0.0.1']) } });
    await system.send(`http://hook.example:${server.port}/hook`, answerTo(1), undefined);
    expect({ hooks: server.hooks.length, retries: system.retries }).toEqual({ hooks: 1, retries: 2 });
  });

  it('no sooner than Retry-After says', async () => {
    const server = await hookServer(inTurn(status(429, { 'retry-after': '1' }), status(200)));
    await sender().send(server.url, answerTo(1), undefined);
    const [first, second] = server.hooks.map(({ at }) => at);
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThan(990);
  });

  it('where the endpoint only ever says that it is about to answer', async () => {
    let asked = 0;
    const server = await hookServer((_hook, response) => {
      if (asked++ > 0) return void response.writeHead(200).end();
      const timer = setInterval(() => response.writeProcessing(), 5);
      response.once('close', () => clearInterval(timer));
    });
    const system = sender();
    await system.send(server.url, answerTo(1), undefined);
    expect({ hooks: server.hooks.length, retries: system.retries }).toEqual({ hooks: 2, retries: 1 });
  });

  it('after 401 for a replay: what stands between has sent the same try twice', async () => {
    const data = { code: 'ERR_SIGNATURE_INVALID', reason: 'replay' };
    const replay = JSON.stringify({ jsonrpc: '2.0', error: { code: -32600, message: 'seen before', data } });
    const server = await hookServer(inTurn(status(401, {}, replay), status(200)));
    const system = sender();
    await system.send(server.url, answerTo(1), undefined);
    expect({ hooks: server.hooks.length, undelivered: system.undelivered }).toEqual({ hooks: 2, undelivered: [] });
  });

  it('within a minute, however long Retry-After says', async () => {
    const server = await hookServer(status(503, { 'retry-after': '3600' }));
    const system = sender({ retryForMs: 90_000 });
    const outcome = rejectionOf(system.send(server.url, answerTo(1), undefined));
    await system.retried(1);
    await system.close(0);
    expect(await outcome).toMatchObject({ code: 'ERR_CLOSED' });
  });

  it('never elsewhere: a redirect is not followed', async () => {
    const target = await hookServer();
    const redirect = status(307, { location: target.url });
    const server = await hookServer(inTurn(redirect, redirect, status(200)));
    await sender().send(server.url, answerTo(1), undefined);
    expect({ target: target.connections, hooks: server.hooks.length }).toEqual({ target: 0, hooks: 3 });
  });

  it('with waits that grow, and not where the next one is too long', async () => {
    const server = await hookServer(status(404));
    let draws = 0;
    // The first three waits are 0 ms; the fourth is the longest there may be, 1,600 ms.
    const random = (): number => (++draws < 4 ? 0 : 1);
    const system = sender({ random, retryForMs: 1500 });
    expect(await rejectionOf(system.send(`${server.url}?secret=1`, answerTo(1), undefined))).toMatchObject({
      code: 'ERR_DELIVERY_FAILED',
      message: expect.stringMatching(/http:\/\/127\.0\.0\.1:\d+\/hook: it answered 404 \(4 tries\)/),
      details: { url: server.url, status: 404, attempts: 4 },
    });
    expect(server.hooks).toHaveLength(4);
  });

  it('not at all where Retry-After is later than time allows', async () => {
    const server = await hookServer(status(503, { 'retry-after': '3600' }));
    const system = sender();
    expect(await rejectionOf(system.send(server.url, answerTo(1), undefined))).toMatchObject({
      code: 'ERR_DELIVERY_FAILED',
      details: { status: 503, attempts: 1 },
    });
  });
});

describe('final', () => {
  it.each([400, 401, 403, 405, 406, 415, 422, 451])('is %p', async (code) => {
    const server = await hookServer(status(code));
    const system = sender();
    const envelope = answerTo(1);
    const url = `${server.url}?secret=1`;
    const error = await rejectionOf(system.send(url, envelope, undefined));
    expect(error).toMatchObject({
      code: 'ERR_DELIVERY_FAILED',
      message: expect.stringContaining(`it answered ${code} (1 try)`),
      details: { url: server.url, status: code, attempts: 1 },
    });
    expect(String(error)).not.toContain('secret');
    expect(system.undelivered).toEqual([{ url, envelope, error, attempts: 1 }]);
    expect(server.hooks).toHaveLength(1);
  });

  it('is a network error when time is up; it is the cause', async () => {
    const { url, close: stop } = await hookServer();
    await stop();
    expect(await rejectionOf(sender({ retryForMs: 0 }).send(url, answerTo(1), undefined))).toMatchObject({
      code: 'ERR_DELIVERY_FAILED',
      message: expect.stringContaining(': ECONNREFUSED (1 try)'),
      cause: { code: 'ECONNREFUSED' },
      details: { url, attempts: 1 },
    });
  });

  it('is a refused URL, before anything is sent', async () => {
    const server = await hookServer();
    const system = sender({ guarding: { allowWebhookUrl: () => false } });
    for (const url of [server.url, 'nonsense', 'https://user:pass@hook.example/']) {
      expect(await rejectionOf(system.send(url, answerTo(1), undefined))).toMatchObject({
        code: 'ERR_REPLY_ADDRESS_REFUSED',
      });
    }
    expect(system.undelivered.map(({ attempts }) => attempts)).toEqual([0, 0, 0]);
    expect(server.connections).toBe(0);
  });

  it('is an address that is refused when it is connected to', async () => {
    const server = await hookServer();
    const allowWebhookUrl = (_url: URL, { reason }: { reason: string }): boolean => reason !== 'address';
    const system = sender({ guarding: { allowWebhookUrl, lookup: stubLookup(['127.0.0.1']) } });
    const sent = system.send(`http://hook.example:${server.port}/hook`, answerTo(1), undefined);
    expect(await rejectionOf(sent)).toMatchObject({
      code: 'ERR_REPLY_ADDRESS_REFUSED',
      details: { reason: 'address' },
    });
    expect({
      connections: server.connections,
      undelivered: system.undelivered.length,
      retries: system.retries,
    }).toEqual({ connections: 0, undelivered: 1, retries: 0 });
  });

  it('is 410, for all of the session that waits and for nobody else', async () => {
    let finish = (): void => {};
    const server = await hookServer((hook, response) => {
      if (hook.headers['x-session-id'] === 'other') response.end();
      else finish = () => void response.writeHead(410).end();
    });
    const system = sender({ maxQueuedPerSession: 3 });
    const sent = [1, 2, 3, 4, 5].map((step) => rejectionOf(system.send(server.url, progressOf(1, step), undefined)));
    await server.received(1);
    await system.send(server.url, progressOf(1, 1, 'other'), undefined);
    finish();
    for (const error of await Promise.all(sent)) {
      expect(error).toMatchObject({ code: 'ERR_DESTINATION_GONE', details: { url: server.url, status: 410 } });
    }
    expect(server.hooks).toHaveLength(2);
    expect(system.undelivered.map(({ attempts }) => attempts)).toEqual([1, 0, 0, 0, 0]);
  });

  it('is 410 for what waits to be tried again, and for what is under way once that fails', async () => {
    const answers = new Map<string, () => void>();
    const server = await hookServer((hook, response) => {
      const { id } = JSON.parse(hook.body) as { id: string };
      if (id === 'waits') response.writeHead(503, { 'retry-after': '10' }).end();
      else answers.set(id, () => void response.writeHead({ gone: 410, fails: 500, works: 200 }[id] ?? 400).end());
    });
    const system = sender();
    const outcomes = ['waits', 'gone', 'fails'].map((id) =>
      rejectionOf(system.send(server.url, answerTo(id), undefined)),
    );
    const works = system.send(server.url, answerTo('works'), undefined);
    await server.received(4);
    await system.retried(1);
    answers.get('gone')?.();
    await Promise.all(outcomes.slice(0, 2));
    answers.get('fails')?.();
    answers.get('works')?.();
    for (const error of await Promise.all(outcomes)) expect(error).toMatchObject({ code: 'ERR_DESTINATION_GONE' });
    await works;
    expect(system.undelivered).toHaveLength(3);
  });

  it('is 413, which tells both sizes', async () => {
    const body = { jsonrpc: '2.0', error: { code: -32600, message: 'too large', data: { limitBytes: 10 } } };
    const answers = [JSON.stringify(body), '', 'no JSON', '{"error":{"data":{"limitBytes":"10"}}}', '[null]'];
    const server = await hookServer(inTurn(...answers.map((text) => status(413, {}, text)), breakOff(413)));
    const system = sender();
    const envelope = answerTo(1, 'session', 'ü');
    const bytes = Buffer.byteLength(JSON.stringify(envelope.message));
    expect(await rejectionOf(system.send(server.url, envelope, undefined))).toMatchObject({
      code: 'ERR_MESSAGE_TOO_LARGE',
      message: expect.stringMatching(new RegExp(`is ${bytes} bytes; .* at most 10 bytes`)),
      details: { bytes, limitBytes: 10 },
    });
    for (let rest = 0; rest < answers.length; rest++) {
      const error = await rejectionOf(system.send(server.url, envelope, undefined));
      expect(error).toMatchObject({ code: 'ERR_MESSAGE_TOO_LARGE', details: { bytes } });
      expect((error as { details: object }).details).not.toHaveProperty('limitBytes');
    }
    expect([server.hooks.length, system.undelivered.length]).toEqual([6, 6]);
  });

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('from the user');
      },
    ],
    ['rejects', () => Promise.reject(new Error('from the user'))],
  ])('is no harm where onundelivered %s', async (_how, onundelivered) => {
    const server = await hookServer(inTurn(status(400), status(200)));
    const system = sender({ onundelivered });
    const failed = rejectionOf(system.send(server.url, progressOf(1, 1), undefined));
    const next = system.send(server.url, progressOf(1, 2), undefined);
    expect(await failed).toMatchObject({ code: 'ERR_DELIVERY_FAILED' });
    await next;
    expect(system.errors).toEqual(['onundelivered failed']);
    await system.close(10_000);
  });
});
