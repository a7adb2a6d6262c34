import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { rejectionOf, until } from '@asyncmcp/testkit';
import { createSigner, generateSecret } from '@asyncmcp/webhook';
import { request } from 'undici';
import { call, callsIn, messagesOf, methodOf, responsesIn, useSystem } from './client-system.js';
import type { ProxiedRequest } from '@asyncmcp/testkit';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { StreamableWebhookClientTransport } from '../src/index.js';
import type { StartedServer } from './client-system.js';

const system = useSystem();

interface Scene extends StartedServer {
  readonly transport: StreamableWebhookClientTransport;
  readonly client: Client;
  /** What the SDK was handed since it was connected. */
  readonly messages: readonly JSONRPCMessage[];
  /** What the server signs with. */
  readonly secret: string;
}

/** A client that is connected, and what its server knows of it. */
async function connected(): Promise<Scene> {
  const started = await system().server();
  const transport = system().transport();
  const client = await system().client(transport);
  return { ...started, transport, client, messages: messagesOf(transport), secret: secretOf(system().seen) };
}

function secretOf(requests: readonly ProxiedRequest[]): string {
  const initialize = requests.findLast((one) => methodOf(one) === 'initialize');
  const { params } = JSON.parse(initialize?.body ?? '{}') as { params?: { _meta?: { webhookSecret?: string } } };
  return params?._meta?.webhookSecret ?? '';
}

const seconds = (): number => Math.floor(Date.now() / 1000);

interface Forgery {
  readonly headers?: Record<string, string>;
  /** What it is signed with; undefined: it is not. */
  readonly secret?: string | undefined;
  readonly id?: string;
  /** In seconds. */
  readonly timestamp?: number;
}

/** Posts what claims to be a webhook for a client; returns the status of the answer. */
async function deliver(
  { transport }: Pick<Scene, 'transport'>,
  message: object | string,
  { headers = {}, secret, id = randomUUID(), timestamp = seconds() }: Forgery,
): Promise<number> {
  const body = typeof message === 'string' ? message : JSON.stringify(message);
  const answer = await request(system().webhookUrl, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      'x-client-id': transport.clientId,
      'mcp-session-id': String(transport.sessionId),
      ...(secret !== undefined && createSigner(secret).sign(id, body, timestamp)),
      ...headers,
    },
  });
  await answer.body.dump();
  return answer.statusCode;
}

/** A result as a stranger would make it. */
const result = (id: unknown, text = 'forged'): object => ({
  jsonrpc: '2.0',
  id,
  result: { content: [{ type: 'text', text }] },
});

/** The id of the last call that was posted. */
function idOfLastCall(): unknown {
  return (JSON.parse(callsIn(system().seen).at(-1)?.body ?? '{}') as { id?: unknown }).id;
}

/** A call of `slow_by_webhook` that runs, and its id. */
async function openCall({ client, runs }: Scene): Promise<{ id: unknown; answer: Promise<string> }> {
  const before = runs.length;
  const answer = call(client, 'slow_by_webhook');
  // A test that fails leaves it to itself.
  answer.catch(() => {});
  await until(() => runs.length > before, { message: 'the call to run' });
  return { id: idOfLastCall(), answer };
}

describe('a webhook that arrives before the 202', () => {
  it('answers the call at once, and the call is not posted again', async () => {
    const { client, messages, runs, transport, finish } = await connected();
    const release = system().wire.hold();
    expect(await call(client, 'echo_by_webhook', { value: 'early' })).toBe('early');
    release();
    // A call that stays open is posted again; by then the other would have been, too.
    const open = call(client, 'slow_by_webhook');
    const again = () => callsIn(system().seen, 'slow_by_webhook').length > 2;
    await until(again, { message: 'the open call to be posted again' });
    expect(callsIn(system().seen, 'echo_by_webhook')).toHaveLength(1);
    expect(runs.map(({ tool }) => tool)).toEqual(['echo_by_webhook', 'slow_by_webhook']);
    finish();
    expect(await open).toBe('slow and steady');
    expect(responsesIn(messages)).toHaveLength(2);
    expect(transport.counters).toEqual({ duplicates: 0, foreign: 0, invalid: 0 });
  });

  it('answers the call whose 202 never comes, because the connection breaks', async () => {
    const { client, messages, runs } = await connected();
    const release = system().wire.hold();
    expect(await call(client, 'echo_by_webhook', { value: 'early' })).toBe('early');
    system().wire.cut();
    release();
    expect(await call(client, 'echo_by_webhook', { value: 'next' })).toBe('next');
    expect(runs).toHaveLength(2);
    expect(responsesIn(messages)).toHaveLength(2);
  });
});

describe('a webhook that arrives twice', () => {
  it('reaches the client once: the server’s second try of it', async () => {
    const { client, messages, runs, transport } = await connected();
    // The receiver takes it, and the server hears nothing of it.
    system().replies.next(1, 'lose-answer');
    expect(await call(client, 'echo_by_webhook', { value: 'once' })).toBe('once');
    await until(() => transport.counters.duplicates === 1, { message: 'the second try' });
    const ids = system().hooks.map(({ headers }) => headers['webhook-id']);
    expect([ids.length, new Set(ids).size]).toEqual([2, 1]);
    expect(runs).toHaveLength(1);
    expect(responsesIn(messages)).toHaveLength(1);
  });

  it('is refused where somebody has recorded it', async () => {
    const scene = await connected();
    const { client, messages } = scene;
    expect(await call(client, 'echo_by_webhook', { value: 'once' })).toBe('once');
    const [{ headers, body } = { headers: {}, body: '' }] = system().hooks;
    const recorded = Object.fromEntries(
      Object.entries(headers).filter(([name]) => /^(?:webhook|mcp|x)-/.test(name)),
    ) as Record<string, string>;
    expect(await deliver(scene, body, { headers: recorded })).toBe(401);
    expect(responsesIn(messages)).toHaveLength(1);
  });

  it('reaches the client once: the same response under another id', async () => {
    const scene = await connected();
    const { client, messages, transport, secret } = scene;
    expect(await call(client, 'echo_by_webhook', { value: 'once' })).toBe('once');
    expect(await deliver(scene, system().hooks[0]?.body ?? '', { secret, id: 'another' })).toBe(200);
    expect(transport.counters.duplicates).toBe(1);
    expect(responsesIn(messages)).toHaveLength(1);
    await client.ping();
  });
});

describe('a webhook that arrives after the client has cancelled', () => {
  it('reaches nobody', async () => {
    const scene = await connected();
    const { client, messages, transport, secret, runs } = scene;
    const cancelling = new AbortController();
    const { signal } = cancelling;
    const failure = rejectionOf(client.callTool({ name: 'slow_by_webhook' }, undefined, { signal }));
    await until(() => runs.length === 1, { message: 'the call to run' });
    const id = idOfLastCall();
    const errors: Error[] = [];
    client.onerror = (error) => void errors.push(error);
    cancelling.abort();
    await failure;
    expect(await deliver(scene, result(id), { secret })).toBe(200);
    expect(transport.counters.duplicates).toBe(1);
    const progress = { progressToken: id, progress: 1 };
    const late = { jsonrpc: '2.0', method: 'notifications/progress', params: progress };
    expect(await deliver(scene, late, { secret, headers: { 'x-related-request-id': String(id) } })).toBe(200);
    expect([responsesIn(messages), errors]).toEqual([[], []]);
    expect(await call(client, 'echo_by_webhook', { value: 'after' })).toBe('after');
  });

  it('reaches nobody where the transport is closed', async () => {
    const scene = await connected();
    const { answer, id } = await openCall(scene);
    const failure = rejectionOf(answer);
    const { clientId, sessionId } = scene.transport;
    await scene.client.close();
    await failure;
    const headers = { 'x-client-id': clientId, 'mcp-session-id': String(sessionId) };
    expect(await deliver(scene, result(id), { secret: scene.secret, headers })).toBe(404);
    expect(responsesIn(scene.messages)).toEqual([]);
  });
});

describe('a webhook that is not the server’s', () => {
  it.each<[string, number, (scene: Scene) => Forgery]>([
    ['unsigned', 401, () => ({})],
    ['signed with another secret', 401, () => ({ secret: generateSecret() })],
    ['of an hour ago', 401, ({ secret }) => ({ secret, timestamp: seconds() - 3600 })],
    ['of the next hour', 401, ({ secret }) => ({ secret, timestamp: seconds() + 3600 })],
    ['for another session', 404, ({ secret }) => ({ secret, headers: { 'mcp-session-id': 'another' } })],
    ['for another client', 404, ({ secret }) => ({ secret, headers: { 'x-client-id': 'another' } })],
  ])('is refused: %s', async (_what, status, forge) => {
    const scene = await connected();
    const { answer, id } = await openCall(scene);
    expect(await deliver(scene, result(id), forge(scene))).toBe(status);
    expect(responsesIn(scene.messages)).toEqual([]);
    scene.finish();
    expect(await answer).toBe('slow and steady');
  });

  it('is refused with a changed body', async () => {
    const scene = await connected();
    const { answer, id } = await openCall(scene);
    const genuine = createSigner(scene.secret).sign('msg', JSON.stringify(result(id, 'genuine')), seconds());
    expect(await deliver(scene, result(id), { headers: { ...genuine } })).toBe(401);
    scene.finish();
    expect(await answer).toBe('slow and steady');
  });

  it('is refused where another client of the same receiver has signed it', async () => {
    const scene = await connected();
    const other = system().transport();
    const otherClient = await system().client(other);
    const otherSecret = secretOf(system().seen);
    expect(otherSecret).not.toBe(scene.secret);
    const { answer, id } = await openCall(scene);
    expect(await deliver(scene, result(id), { secret: otherSecret })).toBe(401);
    const toOther = { secret: otherSecret, headers: { 'x-client-id': other.clientId } };
    expect(await deliver(scene, result(id), toOther)).toBe(404);
    scene.finish();
    expect(await answer).toBe('slow and steady');
    expect(await call(otherClient, 'echo_by_webhook', { value: 'mine' })).toBe('mine');
  });

  it('answers no initialize', async () => {
    await system().server();
    const transport = system().transport();
    const release = system().wire.hold();
    const connecting = system().client(transport);
    await until(() => system().seen.length > 0, { message: 'initialize' });
    const { id } = JSON.parse(system().seen[0]?.body ?? '{}') as { id?: unknown };
    const forged = { jsonrpc: '2.0', id, result: { protocolVersion: '2025-11-25', capabilities: {} } };
    const headers = { 'mcp-session-id': 'forged' };
    expect(await deliver({ transport }, forged, { secret: generateSecret(), headers })).toBe(401);
    expect(transport.sessionId).toBeUndefined();
    release();
    await connecting;
    expect(transport.sessionId).toMatch(/^(?!forged$)./);
  });
});
