import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { seededRandom, until } from '@asyncmcp/testkit';
import { fastify } from 'fastify';
import { WebhookReceiver, generateSecret } from '../src/index.js';
import { BODY, FakeClient, atTheEnd, post, raw, rawPost, realClient, signed } from './receiver-system.js';
import { openSockets } from './support.js';
import type { FastifyInstance } from 'fastify';
import type { WebhookReceiverOptions } from '../src/index.js';
import type { RealClient } from './receiver-system.js';

const SEED = 20_261_123;
const INJECTED = 9600;
const RAW = 600;
const AT_ONCE = 60;

const random = seededRandom(SEED);
const below = (limit: number): number => Math.floor(random() * limit);
function oneOf<T>(items: readonly [T, ...T[]]): T {
  return items[below(items.length)] ?? items[0];
}

const rejections: unknown[] = [];
const note = (reason: unknown): void => void rejections.push(reason);
beforeAll(() => void process.on('unhandledRejection', note).on('uncaughtExceptionMonitor', note));
afterAll(() => void process.off('unhandledRejection', note).off('uncaughtExceptionMonitor', note));

interface Target {
  readonly receiver: WebhookReceiver;
  readonly app: FastifyInstance;
  readonly url: string;
  readonly port: number;
  readonly fake: FakeClient;
  readonly secret: string | undefined;
  readonly real: RealClient;
}

/** A receiver behind both a port and a fastify to inject into, with a client of each kind. */
async function target(options: WebhookReceiverOptions): Promise<Target> {
  const receiver = new WebhookReceiver({ waitForClientMs: 15, maxMessageBytes: 4096, ...options });
  atTheEnd(() => receiver.close());
  const app = fastify();
  atTheEnd(() => app.close());
  await app.register(receiver.plugin);
  const { url, port } = await receiver.listen({ port: 0 });
  const fake = new FakeClient('client', 'session');
  const { secret } = receiver.attach(fake);
  return { receiver, app, url: url + receiver.path, port, fake, secret, real: await realClient(receiver, 'real') };
}

function garbage(length: number): string {
  return Array.from({ length }, () => String.fromCharCode(below(random() < 0.8 ? 0x7f : 0xffff))).join('');
}

function headerGarbage(length: number): string {
  return Array.from({ length }, () => String.fromCharCode(0x20 + below(0xdf))).join('');
}

function bodyFor({ real }: Target): string {
  const good = oneOf([
    BODY,
    real.answer,
    '{"jsonrpc":"2.0","id":0,"result":{}}',
    '{"jsonrpc":"2.0","id":1,"method":"ping"}',
  ]);
  const at = below(good.length);
  return oneOf<() => string>([
    () => good,
    () => good.slice(0, at),
    () => good.slice(0, at) + garbage(1 + below(5)) + good.slice(at + below(5)),
    () => garbage(below(200)),
    () =>
      oneOf(['', ' ', 'null', '[]', '"x"', '0', '{}', '[{}]', '{"__proto__":{"a":1}}', '{"jsonrpc":"2.0","id":null}']),
    () => '['.repeat(below(4000)),
    () => `{"jsonrpc":"2.0","id":${oneOf(['1e999', '-0', '{}', '[]', 'true', '"\\ud800"'])},"result":{}}`,
    () => 'x'.repeat(4000 + below(200)),
  ])();
}

const NAMES: readonly [string, ...string[]] = [
  'x-client-id',
  'x-session-id',
  'x-message-id',
  'x-request-id',
  'x-related-request-id',
  'x-reply-to',
  'x-method',
  'x-protocol-version',
  'x-attempt',
  'webhook-id',
  'webhook-timestamp',
  'webhook-signature',
  'content-type',
  '__proto__x',
  'constructor',
];

function headersFor({ secret, fake, real }: Target, body: string): Record<string, string> {
  const client = random() < 0.5 ? fake.clientId : real.transport.clientId;
  const key = client === fake.clientId ? secret : real.secret;
  const id = `msg_${below(300)}`;
  const base: Record<string, string> = oneOf<() => Record<string, string>>([
    () => ({ 'x-client-id': client }),
    () => ({ 'x-session-id': oneOf(['session', 'nobody', 'other']) }),
    () => (key === undefined ? { 'x-client-id': client } : signed(key, { body, id, client })),
    () => (key === undefined ? {} : signed(key, { body: BODY, id, client })),
    () => ({ 'x-client-id': oneOf(['nobody', 'someone']) }),
  ])();
  const headers: Record<string, string> = { 'content-type': 'application/json', ...base };
  for (let count = below(4); count > 0; count--) {
    const name = oneOf(NAMES);
    if (random() < 0.2) delete headers[name];
    else headers[name] = oneOf([headerGarbage(below(30)), 'session', 'x'.repeat(1025), '0', '{"a":1}', 'a, a', 'v1,']);
  }
  return headers;
}

/** How often which status was answered. */
const seen = new Map<number, number>();

/** Either it was taken, or refused in the way that is promised. */
function expectInOrder(status: number, text: string): void {
  seen.set(status, (seen.get(status) ?? 0) + 1);
  expect([200, 400, 401, 404, 405, 413, 415, 503]).toContain(status);
  const body: unknown = JSON.parse(text);
  expect(body).toMatchObject(
    status === 200 ? { status: 'success' } : { jsonrpc: '2.0', error: { code: expect.any(Number) } },
  );
}

async function inject(at: Target): Promise<void> {
  const body = bodyFor(at);
  const method = random() < 0.97 ? 'POST' : oneOf(['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'] as const);
  const payload = random() < 0.2 ? Buffer.from(body, 'latin1') : body;
  const response = await at.app.inject({ method, url: at.receiver.path, headers: headersFor(at, body), payload });
  expectInOrder(response.statusCode, response.body);
}

/** Bytes that are nearly a request, in parts, from a sender that may cut them off. */
async function sendRaw(at: Target): Promise<void> {
  const body = bodyFor(at);
  const lines = Object.entries(headersFor(at, body)).map(([name, value]) => `${name}: ${value}`);
  let bytes = Buffer.from(rawPost(at.receiver.path, lines, body), 'latin1');
  for (let count = below(4); count > 0; count--) {
    const where = below(Math.min(bytes.length, random() < 0.7 ? 120 : bytes.length));
    const inserted = Buffer.from(
      oneOf(['\r\n', '\0', ':', ' ', '%', 'Transfer-Encoding: chunked\r\n', garbage(3)]),
      'latin1',
    );
    bytes = Buffer.concat([bytes.subarray(0, where), inserted, bytes.subarray(where + below(3))]);
  }
  if (random() < 0.3) bytes = bytes.subarray(0, below(bytes.length));
  const cut = below(bytes.length + 1);
  const answer = await raw(at.port, [bytes.subarray(0, cut), bytes.subarray(cut)], oneOf(['end', 'destroy']));
  for (const [, status] of answer.matchAll(/^HTTP\/1\.1 (\d{3})/gm)) expect(status).toMatch(/^(?:[1-4]\d\d|503)$/);
}

async function times(count: number, act: () => Promise<void>): Promise<void> {
  for (let done = 0; done < count; done += AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - done) }, act));
  }
}

/** Messages can wait in all the places there are, and those of clients that are there still come through. */
async function expectHealthy({ receiver, url, fake, secret }: Target, shared: string | undefined): Promise<void> {
  const before = fake.received.length;
  const headers = secret === undefined ? { 'x-client-id': 'client' } : signed(secret, { id: 'last' });
  expect((await post(url, headers)).status).toBe(200);
  expect(fake.received).toHaveLength(before + 1);
  const late = new FakeClient('late');
  const { detach, secret: lateSecret } = receiver.attach(late);
  const key = lateSecret ?? shared;
  const last = key === undefined ? { 'x-client-id': 'late' } : signed(key, { client: 'late', id: 'late' });
  expect((await post(url, last)).status).toBe(200);
  detach();
  const strangers = Array.from({ length: 100 }, (_, index) =>
    post(
      url,
      shared === undefined ? { 'x-client-id': 'nobody' } : signed(shared, { client: 'nobody', id: `n${index}` }),
    ),
  );
  const statuses = (await Promise.all(strangers)).map(({ status }) => status);
  // None was refused for want of a place.
  expect(statuses).toEqual(Array(100).fill(404));
}

describe('whatever is sent', () => {
  const shared = generateSecret();
  it.each<[string, WebhookReceiverOptions]>([
    ['with a secret for each client', {}],
    ['with one secret', { secrets: shared }],
    ['without signatures', { secrets: false }],
  ])('a receiver %s answers as it should and stays well', async (_name, options) => {
    const at = await target(options);
    await times(INJECTED / 3, () => inject(at));
    const sockets = openSockets();
    await times(RAW / 3, () => sendRaw(at));
    await until(() => openSockets() <= sockets, { message: () => String(process.getActiveResourcesInfo()) });
    const heap = process.memoryUsage().heapUsed;
    await times(INJECTED / 3, () => inject(at));
    expect(process.memoryUsage().heapUsed - heap).toBeLessThan(150 * 1024 * 1024);
    expect(rejections).toEqual([]);
    // Otherwise it would not be looked at what it should be.
    for (const status of [200, 404, 405, 413, 415]) expect(seen.get(status) ?? 0).toBeGreaterThan(20);
    expect(seen.get(401) ?? 0).toBeGreaterThanOrEqual(options.secrets === false ? 0 : 200);
    seen.clear();
    await expectHealthy(at, typeof options.secrets === 'string' ? options.secrets : undefined);
  });
});
