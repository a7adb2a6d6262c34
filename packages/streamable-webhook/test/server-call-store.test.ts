import { describe, expect, it } from '@jest/globals';
import { MemoryCallStore, MemorySessionStore } from '@asyncmcp/core';
import { until } from '@asyncmcp/testkit';
import { MemoryEventStore } from './memory-event-store.js';
import { call, open, openSession, startServer, textOf } from './server-system.js';
import type { StreamableWebhookServerOptions } from '../src/index.js';
import type { OpenStream, TestServer } from './server-system.js';

interface Scene {
  /** Who runs a call, and the connection that it came over. */
  readonly ada: TestServer;
  readonly first: OpenStream;
  /** Whom a copy has reached, and the connection that it came over. */
  readonly grace: TestServer;
  readonly copy: OpenStream;
}

async function copied(options: Partial<StreamableWebhookServerOptions> = {}): Promise<Scene> {
  const shared = { store: new MemorySessionStore(), callStore: new MemoryCallStore(), ...options };
  const [ada, grace] = [await startServer(shared), await startServer(shared)];
  const { headers } = await openSession(ada, { webhook: false });
  const named = { ...headers, 'x-message-id': 'one' };
  const first = await open('POST', ada.url, named, call(4, 'slow'));
  await until(() => ada.calls.length === 1, { message: 'the call to begin' });
  const copy = await open('POST', grace.url, named, call(4, 'slow'));
  return { ada, first, grace, copy };
}

describe('a copy that comes over a connection to another server over one call store', () => {
  it('gets the answer there, and runs nothing', async () => {
    const { ada, first, grace, copy } = await copied();
    ada.finish();
    for (const stream of [first, copy]) {
      expect(textOf(await stream.next('the answer', ({ id }) => id === 4))).toBe('slow and steady');
      await until(() => stream.ended(), { message: 'the end of the stream' });
    }
    expect([ada.calls.length, grace.calls.length]).toEqual([1, 0]);
  });

  it.each([
    ['', {}],
    [', also where events are kept', { eventStore: new MemoryEventStore() }],
  ])('is cut off without an answer when that one closes, for its client to ask again%s', async (_where, options) => {
    const { ada, first, grace, copy } = await copied(options);
    await grace.server.close();
    await until(() => copy.broken(), { message: 'the connection to break' });
    expect(copy.messages().filter(({ id }) => id === 4)).toEqual([]);
    ada.finish();
    expect(textOf(await first.next('the answer', ({ id }) => id === 4))).toBe('slow and steady');
    expect([...ada.errors, ...grace.errors]).toEqual([]);
  });

  it('is answered where its session has ended meanwhile', async () => {
    const { ada, grace, copy } = await copied();
    const [session] = ada.server.sessions.list();
    await ada.server.sessions.terminate(String(session?.id));
    const { error } = await copy.next('the answer', ({ id }) => id === 4);
    expect(error?.data).toMatchObject({ code: 'ERR_SESSION_NOT_FOUND' });
    expect(grace.calls).toHaveLength(0);
  });
});
