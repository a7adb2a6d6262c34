import { MemorySessionStore } from '@asyncmcp/core';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { sessionRecord } from '../src/session-record.js';
import { sessionStoreContract } from '../src/session-store-contract.js';

sessionStoreContract({
  name: 'MemorySessionStore',
  setup: () => ({ store: new MemorySessionStore() }),
});

describe('MemorySessionStore', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('holds a record until the very millisecond it expires', async () => {
    const store = new MemorySessionStore();
    await store.put(sessionRecord(), 1000);
    jest.advanceTimersByTime(999);
    expect(await store.get('session-1')).toBeDefined();
    jest.advanceTimersByTime(1);
    expect(await store.get('session-1')).toBeUndefined();
  });

  it('holds a touched record for the whole time again', async () => {
    const store = new MemorySessionStore();
    await store.put(sessionRecord(), 1000);
    jest.advanceTimersByTime(900);
    expect(await store.touch('session-1', 1, 1000)).toBe(true);
    jest.advanceTimersByTime(999);
    expect(await store.get('session-1')).toBeDefined();
    jest.advanceTimersByTime(1);
    expect(await store.touch('session-1', 2, 1000)).toBe(false);
  });

  it('drops what has expired without being asked for it', async () => {
    const store = new MemorySessionStore();
    for (const id of ['a', 'b', 'c']) await store.put(sessionRecord({ id }), 1000);
    jest.advanceTimersByTime(500);
    await store.touch('b', 1, 1000);
    jest.advanceTimersByTime(500);
    await store.put(sessionRecord({ id: 'd' }), 1000);
    expect(store.size).toBe(2);
    expect(jest.getTimerCount()).toBe(0);
  });
});
