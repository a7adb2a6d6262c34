import { describe, expect, it } from '@jest/globals';
import { createDeferred, until } from '@asyncmcp/testkit';
import { Webhook } from 'standardwebhooks';
import { createSigner, generateSecret } from '../src/index.js';
import { BODY, FakeClient, errorOf, post, raw, rawPost, seconds, signed, startReceiver } from './receiver-system.js';
import type { Answer } from './http-client.js';
import type { WebhookReceiverOptions } from '../src/index.js';
import type { StartedReceiver } from './receiver-system.js';

interface Attached extends StartedReceiver {
  readonly client: FakeClient;
  readonly secret: string;
}

async function attached(options: WebhookReceiverOptions = {}): Promise<Attached> {
  const started = await startReceiver(options);
  const client = new FakeClient();
  const { secret } = started.receiver.attach(client);
  if (secret === undefined) throw new Error('There is no secret.');
  return { ...started, client, secret };
}

function expectRefused(answer: Answer, { client, logger }: Attached, reason: string, received = 0): void {
  expect(answer).toMatchObject({ status: 401, body: { error: { data: { reason } } } });
  expect(errorOf(answer)).toBe('ERR_SIGNATURE_INVALID');
  expect(client.received).toHaveLength(received);
  expect(client.repeated).toEqual([]);
  expect(client.discarded).toEqual([]);
  expect(logger.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
}

describe('a signed message', () => {
  it('is delivered under the id that was signed, whatever X-Message-ID says', async () => {
    const { url, client, secret } = await attached();
    const answer = await post(url, { ...signed(secret), 'x-message-id': 'other', 'x-session-id': 'session' });
    expect(answer).toMatchObject({ status: 200, body: { status: 'success' } });
    expect(client.received[0]).toMatchObject({
      attempt: 1,
      envelope: { messageId: 'msg_1', clientId: 'client', sessionId: 'session', body: BODY, type: 'jsonrpc' },
    });
  });

  it.each([
    ['mismatch', 'its body was changed', (good: Record<string, string>) => good, `${BODY} `],
    ['mismatch', 'its id was swapped', (good: Record<string, string>) => ({ ...good, 'webhook-id': 'msg_2' }), BODY],
    ['mismatch', 'it was signed with another secret', () => signed(generateSecret()), BODY],
  ])('is refused (%s) when %s', async (reason, _what, change, body) => {
    const started = await attached();
    expectRefused(await post(started.url, change(signed(started.secret)), body), started, reason);
  });

  it.each([-301, 302, -1_000_000])('is refused when its timestamp is %i seconds from now', async (offset) => {
    const started = await attached();
    const headers = signed(started.secret, { timestamp: seconds() + offset });
    expectRefused(await post(started.url, headers), started, 'stale');
  });

  it('is held to another tolerance where one is set', async () => {
    const started = await attached({ toleranceSeconds: 10 });
    expectRefused(await post(started.url, signed(started.secret, { timestamp: seconds() - 20 })), started, 'stale');
  });

  it.each(['webhook-id', 'webhook-timestamp', 'webhook-signature'])('is refused without %s', async (name) => {
    const started = await attached();
    const { [name]: _left, ...headers } = signed(started.secret);
    expectRefused(await post(started.url, headers), started, 'missing');
  });

  it('that is not signed at all is refused, and the log says what to do', async () => {
    const started = await attached();
    expectRefused(await post(started.url, { 'x-client-id': 'client' }), started, 'missing');
    expect(started.logger.lines[0]?.message).toContain('secrets: false');
  });

  it.each(['webhook-id', 'webhook-timestamp', 'webhook-signature'])('is refused with %s doubled', async (name) => {
    const started = await attached();
    const headers = Object.entries({ ...signed(started.secret), 'content-type': 'application/json' });
    const lines = headers.flatMap(([key, value]) => Array(key === name ? 2 : 1).fill(`${key}: ${value}`) as string[]);
    const answer = await raw(started.port, [rawPost('/webhook/response', lines, BODY)]);
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
    expect(started.client.received).toEqual([]);
  });

  it('tells its sender no more than the reason', async () => {
    const { url, secret } = await attached();
    const { body } = await post(url, { ...signed(secret), 'webhook-id': 'msg_2' });
    const text = 'The webhook was refused; its signature: mismatch.';
    expect(body).toEqual({
      jsonrpc: '2.0',
      error: { code: -32600, message: text, data: { code: 'ERR_SIGNATURE_INVALID', reason: 'mismatch' } },
    });
  });

  it('made by standardwebhooks is delivered', async () => {
    const { url, client, secret } = await attached();
    const now = new Date();
    const signature = new Webhook(secret).sign('msg_1', now, BODY);
    const headers = {
      'x-client-id': 'client',
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
      'webhook-signature': signature,
    };
    expect((await post(url, headers)).status).toBe(200);
    expect(client.bodies).toEqual([BODY]);
  });

  it('may be of any characters, and no JSON: that is for the client to judge', async () => {
    const { url, client, secret } = await attached();
    const bodies = ['', 'not json', '"\u00e9\u{1f600}\u2028"', '[]', 'null'];
    for (const [index, body] of bodies.entries()) {
      expect((await post(url, signed(secret, { body, id: `msg_${index}` }), body)).status).toBe(200);
    }
    expect(client.bodies).toEqual(bodies);
  });

  it('is good with any secret during a rotation, and servers are given the first', async () => {
    const secrets = [generateSecret(), generateSecret()];
    const started = await attached({ secrets });
    expect(started.secret).toBe(secrets[0]);
    for (const [index, secret] of secrets.entries()) {
      expect((await post(started.url, signed(secret, { id: `msg_${index}` }))).status).toBe(200);
    }
    const both = createSigner(secrets).sign('both', BODY);
    expect((await post(started.url, { 'x-client-id': 'client', ...both })).status).toBe(200);
    expect(started.client.received).toHaveLength(3);
    expectRefused(await post(started.url, signed(generateSecret())), started, 'mismatch', 3);
  });

  it('of a stranger is refused before it waits, where one secret is shared', async () => {
    const started = await startReceiver({ secrets: generateSecret(), waitForClientMs: 60_000 });
    expect((await post(started.url, signed(generateSecret(), { client: 'nobody' }))).status).toBe(401);
  });
});

describe('a message that comes again', () => {
  it('byte for byte is refused', async () => {
    const started = await attached();
    const headers = signed(started.secret);
    expect((await post(started.url, headers)).status).toBe(200);
    expectRefused(await post(started.url, headers), started, 'replay', 1);
  });

  it('as an older try is refused', async () => {
    const started = await attached();
    expect((await post(started.url, signed(started.secret))).status).toBe(200);
    const older = signed(started.secret, { timestamp: seconds() - 5 });
    expectRefused(await post(started.url, older), started, 'replay', 1);
  });

  it('signed later, as its sender does, is confirmed and counted, and delivered once', async () => {
    const { url, client, secret } = await attached();
    const timestamp = seconds();
    for (const later of [0, 1, 2]) {
      expect((await post(url, signed(secret, { timestamp: timestamp + later }))).status).toBe(200);
    }
    expect(client.received).toHaveLength(1);
    expect(client.repeated.map(({ messageId }) => messageId)).toEqual(['msg_1', 'msg_1']);
  });

  it('while it is being delivered has to come once more', async () => {
    const { url, client, secret } = await attached();
    const gate = createDeferred();
    client.take = () => gate.promise;
    const timestamp = seconds();
    const first = post(url, signed(secret, { timestamp }));
    await until(() => client.received.length === 1);
    expect(await post(url, signed(secret, { timestamp: timestamp + 1 }))).toMatchObject({
      status: 503,
      headers: { 'retry-after': '1' },
    });
    gate.resolve();
    expect((await first).status).toBe(200);
    expect((await post(url, signed(secret, { timestamp: timestamp + 2 }))).status).toBe(200);
    expect(client.received).toHaveLength(1);
    expect(client.repeated).toHaveLength(1);
  });

  it('after the client gave it back is delivered', async () => {
    const { url, client, secret } = await attached();
    const timestamp = seconds();
    client.take = (delivery) => delivery.retry();
    expect(await post(url, signed(secret, { timestamp }))).toMatchObject({
      status: 503,
      headers: { 'retry-after': '1' },
    });
    client.take = async () => {};
    expect((await post(url, signed(secret, { timestamp: timestamp + 1 }))).status).toBe(200);
    expect(client.received).toHaveLength(2);
  });

  it('after the client broke is delivered', async () => {
    const { url, client, secret } = await attached();
    const timestamp = seconds();
    client.take = async () => {
      throw new Error('not what events do');
    };
    expect(await post(url, signed(secret, { timestamp }))).toMatchObject({
      status: 503,
      headers: { 'retry-after': '1' },
    });
    client.take = async () => {};
    expect((await post(url, signed(secret, { timestamp: timestamp + 1 }))).status).toBe(200);
  });

  it('after it was nobody’s is delivered', async () => {
    const { url, client, secret } = await attached();
    const timestamp = seconds();
    client.accepts = () => false;
    const refused = await post(url, signed(secret, { timestamp }));
    expect(refused.status).toBe(404);
    expect(errorOf(refused)).toBe('ERR_UNCLAIMED_MESSAGE');
    expect(client.discarded).toHaveLength(1);
    client.accepts = () => true;
    expect((await post(url, signed(secret, { timestamp: timestamp + 1 }))).status).toBe(200);
    expect(client.received).toHaveLength(1);
  });

  it('after the client rejected it is not delivered again', async () => {
    const { url, client, secret, logger } = await attached();
    const timestamp = seconds();
    client.take = (delivery) => delivery.reject('nonsense');
    expect((await post(url, signed(secret, { timestamp }))).status).toBe(200);
    expect((await post(url, signed(secret, { timestamp: timestamp + 1 }))).status).toBe(200);
    expect(client.received).toHaveLength(1);
    expect(logger.lines).toContainEqual(
      expect.objectContaining({ level: 'warn', facts: expect.objectContaining({ reason: 'nonsense' }) }),
    );
  });

  it('to another client is refused, where they share a secret', async () => {
    const started = await attached({ secrets: generateSecret() });
    const other = new FakeClient('other');
    started.receiver.attach(other);
    const headers = signed(started.secret);
    expect((await post(started.url, headers)).status).toBe(200);
    expectRefused(await post(started.url, { ...headers, 'x-client-id': 'other' }), started, 'replay', 1);
    expect(other.received).toEqual([]);
  });

  it('under the id of another client’s message is delivered, where each has a secret', async () => {
    const { receiver, url, client, secret } = await attached();
    const other = new FakeClient('other');
    const { secret: others } = receiver.attach(other);
    expect(others).not.toBe(secret);
    expect((await post(url, signed(secret))).status).toBe(200);
    expect((await post(url, signed(others, { client: 'other' }))).status).toBe(200);
    expect((await post(url, signed(others, { id: 'msg_2' }))).status).toBe(401);
    expect([client.received.length, other.received.length]).toEqual([1, 1]);
  });
});
