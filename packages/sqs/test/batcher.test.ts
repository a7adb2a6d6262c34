import { describe, expect, it } from '@jest/globals';
import { createDeferred } from '@asyncmcp/testkit';
import { createBatcher } from '../src/batcher.js';
import type { BatcherOptions, BatchOutcome } from '../src/batcher.js';

/** A batcher whose calls are ended by hand. */
function controlled(options: Partial<BatcherOptions<string, string>> = {}) {
  const calls: { items: string[]; end(outcomes?: BatchOutcome<string>[]): void; fail(error: Error): void }[] = [];
  const batcher = createBatcher<string, string>({
    maxEntries: 3,
    run: async (items) => {
      const { promise, resolve, reject } = createDeferred<BatchOutcome<string>[]>();
      const done = items.map((item): BatchOutcome<string> => ({ ok: true, value: item.toUpperCase() }));
      calls.push({ items, end: (outcomes = done) => resolve(outcomes), fail: reject });
      return promise;
    },
    ...options,
  });
  const started = (): string[] => calls.map(({ items }) => items.join(''));
  const addAll = (items: string): Promise<string>[] => items.split('').map((item) => batcher.add(item));
  return { batcher, calls, started, addAll };
}

/** Lets everything run that needs no timer and no I/O. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

describe('batcher', () => {
  it('sends a lone item at once, without a timer', async () => {
    const { batcher, calls, started } = controlled();
    const added = batcher.add('a');
    await Promise.resolve();
    expect(started()).toEqual(['a']);
    expect(batcher.pending).toBe(1);
    calls[0]?.end();
    await expect(added).resolves.toBe('A');
    expect(batcher.pending).toBe(0);
  });

  it('sends together what was added in one go', async () => {
    const { started, addAll } = controlled();
    void addAll('ab');
    await settle();
    expect(started()).toEqual(['ab']);
  });

  it('collects what queues up behind a call, and sends it in order when the call ends', async () => {
    const { calls, started, addAll } = controlled();
    void addAll('a');
    await settle();
    const later = addAll('bcdef');
    await settle();
    expect(started()).toEqual(['a']);
    calls[0]?.end();
    await settle();
    expect(started()).toEqual(['a', 'bcd']);
    calls[1]?.end();
    await settle();
    expect(started()).toEqual(['a', 'bcd', 'ef']);
    calls[2]?.end();
    await expect(Promise.all(later)).resolves.toEqual(['B', 'C', 'D', 'E', 'F']);
  });

  it('starts a further call only for a full batch, up to maxInFlight', async () => {
    const { calls, started, addAll } = controlled({ maxInFlight: 2 });
    void addAll('a');
    await settle();
    void addAll('bc');
    await settle();
    expect(started()).toEqual(['a']);
    void addAll('d');
    await settle();
    expect(started()).toEqual(['a', 'bcd']);
    void addAll('efghij');
    await settle();
    expect(started()).toEqual(['a', 'bcd']);
    calls[1]?.end();
    await settle();
    expect(started()).toEqual(['a', 'bcd', 'efg']);
  });

  it('sends a part-filled batch when a call ends, though another is in flight', async () => {
    const { calls, started, addAll } = controlled({ maxInFlight: 2 });
    void addAll('abcdef');
    await settle();
    void addAll('g');
    await settle();
    expect(started()).toEqual(['abc', 'def']);
    calls[0]?.end();
    await settle();
    expect(started()).toEqual(['abc', 'def', 'g']);
  });

  it('keeps batches within maxBytes, and sends what is larger alone', async () => {
    const sizes: Record<string, number> = { a: 60, b: 40, c: 1, d: 500, e: 1 };
    const { calls, started, addAll } = controlled({
      maxEntries: 10,
      maxBytes: 100,
      sizeOf: (item) => sizes[item] ?? 0,
    });
    void addAll('abcde');
    for (let call = 0; call < 4; call++) {
      await settle();
      calls[call]?.end();
    }
    expect(started()).toEqual(['ab', 'c', 'd', 'e']);
  });

  it('rejects only the item that failed', async () => {
    const { calls, addAll } = controlled();
    const [first, second] = addAll('ab');
    await settle();
    calls[0]?.end([
      { ok: false, error: new Error('refused') },
      { ok: true, value: 'taken' },
    ]);
    await expect(first).rejects.toThrow('refused');
    await expect(second).resolves.toBe('taken');
  });

  it('rejects all items of a call that throws, and goes on', async () => {
    const { calls, addAll, batcher } = controlled();
    const failing = addAll('ab');
    await settle();
    calls[0]?.fail(new Error('broken'));
    for (const item of failing) await expect(item).rejects.toThrow('broken');
    const [next] = addAll('c');
    await settle();
    calls[1]?.end();
    await expect(next).resolves.toBe('C');
    expect(batcher.pending).toBe(0);
  });

  it('rejects an item without an outcome', async () => {
    const { calls, addAll } = controlled();
    const [first, second] = addAll('ab');
    await settle();
    calls[0]?.end([{ ok: true, value: 'taken' }]);
    await expect(first).resolves.toBe('taken');
    await expect(second).rejects.toMatchObject({ code: 'ERR_INTERNAL' });
  });

  it('is idle when nothing waits or runs', async () => {
    const { calls, addAll, batcher } = controlled();
    await batcher.idle();
    void addAll('abcd');
    let idle = false;
    void batcher.idle().then(() => (idle = true));
    await settle();
    calls[0]?.end();
    await settle();
    expect(idle).toBe(false);
    calls[1]?.end();
    await settle();
    expect(idle).toBe(true);
  });
});
