import { describe, expect, it } from '@jest/globals';
import { MemoryCallStore, MemorySessionStore } from '@asyncmcp/core';
import { until } from '@asyncmcp/testkit';
import { http, toolCall } from './http-client.js';
import { openSession, startServer } from './server-system.js';
import type { Answer } from './http-client.js';
import type { WebhookServerOptions } from '../src/index.js';
import type { Session, TestServer } from './server-system.js';

/** A store that one process cannot reach any more to renew what it has claimed, as if it had been killed. */
class DeadMansCallStore extends MemoryCallStore {
  override async renew(): Promise<boolean> {
    return true;
  }
}

interface Scene {
  readonly session: Session;
  /** Whose call runs. */
  readonly ada: TestServer;
  /** Whom a copy has reached, and what it was answered. */
  readonly grace: TestServer;
  readonly copy: Answer;
}

/** Two servers over the same stores, of which one runs a call, and the other has a copy. */
async function copied(options: Partial<WebhookServerOptions> = {}): Promise<Scene> {
  const shared = { store: new MemorySessionStore(), callStore: new MemoryCallStore(), callLeaseMs: 1000, ...options };
  const [ada, grace] = [await startServer(shared), await startServer(shared)];
  const session = await openSession(ada);
  const headers = { ...session.headers, 'x-message-id': 'one', 'x-request-id': '2' };
  await http('POST', ada.url, { headers, body: toolCall(2, 'slow') });
  await until(() => ada.begun() === 1, { message: 'the call to begin' });
  const again = { ...headers, 'x-attempt': '2' };
  const copy = await http('POST', grace.url, { headers: again, body: toolCall(2, 'slow') });
  return { session, ada, grace, copy };
}

describe('a copy that reaches another server over one call store', () => {
  it('is taken at once, counts as begun, and runs nothing', async () => {
    const { session, ada, grace, copy } = await copied();
    expect([copy.status, copy.body]).toEqual([202, { status: 'received', attempt: 2, server: expect.any(String) }]);
    ada.finish();
    const { body } = await session.endpoint.reply(2);
    expect(JSON.parse(body)).toMatchObject({ id: 2, result: { content: [{ text: 'slow and steady' }] } });
    expect([ada.begun(), grace.begun()]).toEqual([1, 0]);
  });

  it('is nobody’s business when that one closes', async () => {
    const { session, ada, grace } = await copied();
    await grace.server.close();
    expect(session.endpoint.hooks).toHaveLength(1);
    ada.finish();
    await session.endpoint.reply(2);
    expect([ada.begun(), grace.begun()]).toEqual([1, 0]);
    expect([...ada.errors, ...grace.errors]).toEqual([]);
  });

  it('runs when the first one was killed', async () => {
    const { session, grace } = await copied({ callStore: new DeadMansCallStore() });
    await until(() => grace.begun() === 1, { message: 'the copy to begin' });
    grace.finish();
    const { body } = await session.endpoint.reply(2);
    expect(JSON.parse(body)).toMatchObject({ id: 2, result: { content: [{ text: 'slow and steady' }] } });
  });

  it('is answered with an error when as many were killed as there are attempts', async () => {
    const { session, grace } = await copied({ callStore: new DeadMansCallStore(), maxAttempts: 1 });
    const { body } = await session.endpoint.reply(2);
    expect(JSON.parse(body)).toMatchObject({ id: 2, error: { data: { code: 'ERR_TOO_MANY_ATTEMPTS' } } });
    expect(grace.begun()).toBe(0);
  });
});
