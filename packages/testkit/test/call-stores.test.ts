import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryCallStore } from '@asyncmcp/core';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { callStoreContract } from '../src/call-store-contract.js';
import { FileCallStore } from '../src/file-call-store.js';

callStoreContract({
  name: 'MemoryCallStore',
  setup: () => {
    const store = new MemoryCallStore();
    return { store, other: store };
  },
});

callStoreContract({
  name: 'FileCallStore',
  setup: async () => {
    const directory = await mkdtemp(join(tmpdir(), 'asyncmcp-calls-'));
    return {
      store: new FileCallStore(join(directory, 'not', 'there', 'yet')),
      other: new FileCallStore(join(directory, 'not', 'there', 'yet')),
      teardown: () => rm(directory, { recursive: true }),
    };
  },
});

describe('MemoryCallStore', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  it('holds a claim, and an outcome, until the very millisecond it runs out', async () => {
    jest.useFakeTimers();
    const store = new MemoryCallStore();
    await store.claim('claimed', 'ada', 1000);
    await store.end('ended', {}, 1000);
    jest.advanceTimersByTime(999);
    expect(await store.claim('claimed', 'grace', 1000)).toEqual({ state: 'held' });
    expect(await store.claim('ended', 'grace', 1000)).toEqual({ state: 'ended', outcome: {} });
    jest.advanceTimersByTime(1);
    expect(await store.claim('claimed', 'grace', 1000)).toEqual({ state: 'claimed', times: 2 });
    expect(await store.claim('ended', 'grace', 1000)).toEqual({ state: 'claimed', times: 1 });
  });

  it('keeps no more answers than it has room for', async () => {
    const store = new MemoryCallStore();
    const reply = { address: 'replies', message: 'x'.repeat(1_048_576) };
    for (let call = 0; call < 33; call++) await store.end(String(call), { reply }, 60_000);
    expect(store.size).toBe(31);
    expect((await store.claim('32', 'ada', 1000)).state).toBe('ended');
    expect((await store.claim('0', 'ada', 1000)).state).toBe('claimed');
  });

  it('drops what has run out without being asked for it', async () => {
    jest.useFakeTimers();
    const store = new MemoryCallStore();
    for (const id of ['a', 'b', 'c']) {
      await store.claim(id, 'ada', 1000);
      await store.end(`${id} ended`, {}, 1000);
    }
    jest.advanceTimersByTime(1000);
    await store.claim('d', 'ada', 1000);
    await store.end('d', {}, 1000);
    expect(store.size).toBe(4);
    // For so long it is known how often a call was claimed.
    jest.advanceTimersByTime(24 * 60 * 60_000);
    await store.claim('d', 'ada', 1000);
    expect(store.size).toBe(2);
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe('FileCallStore', () => {
  it('rejects when its directory cannot be used', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'asyncmcp-calls-'));
    const file = join(directory, 'file');
    await writeFile(file, '');
    const store = new FileCallStore(file);
    for (const operation of [
      () => store.claim('id', 'ada', 1000),
      () => store.renew('id', 'ada', 1000),
      () => store.release('id', 'ada'),
      () => store.end('id', {}, 1000),
    ]) {
      await expect(operation()).rejects.toMatchObject({ code: 'ERR_CALL_STORE', cause: expect.anything() });
    }
    await rm(directory, { recursive: true });
  });
});
