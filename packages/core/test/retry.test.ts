import { describe, expect, it } from '@jest/globals';
import { backoffDelay, retry } from '../src/retry.js';

const quick = { forMs: 5000, baseMs: 1, maxMs: 2, isTransient: () => true };

describe('retry', () => {
  it('tries until it works', async () => {
    let tries = 0;
    const result = await retry(
      async (attempt) => {
        tries = attempt;
        if (attempt < 4) throw new Error('not yet');
        return 'done';
      },
      { ...quick, signal: new AbortController().signal },
    );
    expect([result, tries]).toEqual(['done', 4]);
  });

  it('throws at once what will not pass', async () => {
    let tries = 0;
    const failing = retry(
      async () => {
        tries++;
        throw new Error('for good');
      },
      { ...quick, isTransient: () => false, signal: new AbortController().signal },
    );
    await expect(failing).rejects.toThrow('for good');
    expect(tries).toBe(1);
  });

  it('throws the last error when time is up', async () => {
    const failing = retry(async () => Promise.reject(new Error('still down')), {
      ...quick,
      forMs: 0,
      baseMs: 1000,
      random: () => 1,
      signal: new AbortController().signal,
    });
    await expect(failing).rejects.toThrow('still down');
  });

  it('stops waiting when it is aborted', async () => {
    const controller = new AbortController();
    const waiting = retry(async () => Promise.reject(new Error('down')), {
      ...quick,
      forMs: 60_000,
      baseMs: 60_000,
      maxMs: 60_000,
      random: () => 0.9,
      signal: controller.signal,
      onRetry: () => controller.abort(new Error('closing')),
    });
    await expect(waiting).rejects.toThrow('closing');
  });
});

describe('backoffDelay', () => {
  it('doubles its bound up to the maximum and spreads over all of it', () => {
    const bounds = [1, 2, 3, 4, 5, 50].map((attempt) =>
      backoffDelay(attempt, { baseMs: 100, maxMs: 1000, random: () => 1 }),
    );
    expect(bounds).toEqual([100, 200, 400, 800, 1000, 1000]);
    expect(backoffDelay(5, { random: () => 0 })).toBe(0);
  });
});
