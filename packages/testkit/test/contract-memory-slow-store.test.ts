import { setImmediate as immediate } from 'node:timers/promises';
import { MemorySessionStore } from '@asyncmcp/core';
import { transportContract } from '../src/contract/transport-contract.js';
import { createMemoryFixture } from '../src/memory/contract-fixture.js';
import type { SessionStore } from '@asyncmcp/core';
import type { ContractFixture } from '../src/contract/fixture.js';

/** A store that other work gets done behind, as a real one does: it answers when the event loop has gone round twice. */
function slowly(store: SessionStore): SessionStore {
  const slow = async <T>(answer: () => Promise<T>): Promise<T> => {
    await immediate();
    const answered = await answer();
    await immediate();
    return answered;
  };
  return {
    get: (id) => slow(() => store.get(id)),
    put: (record, ttlMs) => slow(() => store.put(record, ttlMs)),
    delete: (id) => slow(() => store.delete(id)),
    touch: (id, lastSeenAt, ttlMs) => slow(() => store.touch(id, lastSeenAt, ttlMs)),
  };
}

/** Answers to the servers' own requests come over queues of their own here. */
function createSlowFixture(): ContractFixture {
  const fixture = createMemoryFixture({ answerQueues: true });
  return {
    ...fixture,
    startServer: ({ store = new MemorySessionStore(), ...options }) =>
      fixture.startServer({ ...options, store: slowly(store) }),
  };
}

transportContract({ name: 'in memory, with a slow store', setup: async () => createSlowFixture() });
