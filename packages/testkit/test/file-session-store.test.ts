import { isAsyncMcpError } from '@asyncmcp/core';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnModule } from '../src/child-process.js';
import { FileSessionStore } from '../src/file-session-store.js';
import { sessionRecord } from '../src/session-record.js';
import { sessionStoreContract } from '../src/session-store-contract.js';
import type { ModuleProcess } from '../src/child-process.js';

const temporaryDirectory = () => mkdtemp(join(tmpdir(), 'asyncmcp-sessions-'));

sessionStoreContract({
  name: 'FileSessionStore',
  shared: true,
  setup: async () => {
    const directory = await temporaryDirectory();
    return {
      store: new FileSessionStore(directory),
      other: new FileSessionStore(directory),
      teardown: () => rm(directory, { recursive: true }),
    };
  },
});

describe('FileSessionStore', () => {
  let directory: string;
  let store: FileSessionStore;
  const workers: ModuleProcess[] = [];

  beforeEach(async () => {
    directory = await temporaryDirectory();
    store = new FileSessionStore(directory);
  });
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.kill()));
    await rm(directory, { recursive: true });
  });

  const startWorker = async () => {
    const worker = await spawnModule(new URL('./fixtures/store-worker.mjs', import.meta.url), {
      args: [directory, 'session-1'],
    });
    workers.push(worker);
    await worker.nextLine((line) => line['event'] === 'touching');
    return worker;
  };

  const onlyFile = async () => {
    const names = await readdir(directory);
    expect(names).toHaveLength(1);
    return join(directory, String(names[0]));
  };

  it('makes its directory, and leaves one file for a session', async () => {
    const nested = new FileSessionStore(join(directory, 'not', 'there', 'yet'));
    expect(await nested.get('session-1')).toBeUndefined();
    expect(await nested.touch('session-1', 1, 1000)).toBe(false);
    expect(await nested.delete('session-1')).toBe(false);
    await nested.put(sessionRecord(), 60_000);
    await nested.put(sessionRecord(), 60_000);
    expect(await readdir(join(directory, 'not', 'there', 'yet'))).toHaveLength(1);
  });

  it('leaves no file for a deleted session, nor any scratch file', async () => {
    await store.put(sessionRecord(), 60_000);
    await store.delete('session-1');
    expect(await readdir(directory)).toEqual([]);
  });

  it.each([
    ['empty', (file: string) => truncate(file)],
    ['cut off', (file: string) => truncate(file, 200)],
    ['not JSON', (file: string) => writeFile(file, 'x'.repeat(300))],
    ['someone else’s', (file: string) => writeFile(file, '{"lastSeenAt":1,"expiresAt":1,"check":"forged"}\n')],
  ])('rejects when a file is %s', async (_, damage) => {
    await store.put(sessionRecord(), 60_000);
    await damage(await onlyFile());
    const error: unknown = await store.get('session-1').catch((reason: unknown) => reason);
    expect(isAsyncMcpError(error, 'ERR_SESSION_STORE')).toBe(true);
    expect(error).toMatchObject({ message: expect.stringContaining('session-1'), cause: expect.anything() });
    await store.put(sessionRecord(), 60_000);
    expect(await store.get('session-1')).toEqual(sessionRecord());
  });

  it('rejects when the directory cannot be used', async () => {
    const file = join(directory, 'file');
    await writeFile(file, '');
    const unusable = new FileSessionStore(file);
    for (const operation of [
      () => unusable.get('session-1'),
      () => unusable.put(sessionRecord(), 1000),
      () => unusable.delete('session-1'),
      () => unusable.touch('session-1', 1, 1000),
    ]) {
      await expect(operation()).rejects.toMatchObject({ code: 'ERR_SESSION_STORE' });
    }
  });

  it('ends a session for processes that are touching it, and reads whole records meanwhile', async () => {
    await store.put(sessionRecord(), 60_000);
    const touching = await Promise.all([startWorker(), startWorker()]);
    for (let index = 0; index < 300; index += 1) {
      if (index % 10 === 0) await store.put(sessionRecord({ replyTo: `https://example.com/${index}` }), 60_000);
      const record = await store.get('session-1');
      expect(record).toEqual({ ...sessionRecord(), replyTo: record?.replyTo, lastSeenAt: record?.lastSeenAt });
    }
    expect(await store.delete('session-1')).toBe(true);
    for (const worker of touching) {
      expect(await worker.nextLine((line) => line['event'] === 'gone')).toMatchObject({ again: false });
    }
    expect(await store.get('session-1')).toBeUndefined();
    expect(await readdir(directory)).toEqual([]);
  });

  it('survives a process that is killed while it touches', async () => {
    await store.put(sessionRecord(), 60_000);
    const worker = await startWorker();
    await worker.kill();
    const record = await store.get('session-1');
    expect(record).toEqual(sessionRecord({ lastSeenAt: record?.lastSeenAt ?? 0 }));
    expect(await store.touch('session-1', 5, 60_000)).toBe(true);
    expect((await store.get('session-1'))?.lastSeenAt).toBe(5);
  });
});
