import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { DuplicateWindow } from '../src/duplicate-window.js';

describe('DuplicateWindow', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('forgets an entry when its time is up', () => {
    const window = new DuplicateWindow<number>({ maxEntries: 10, ttlMs: 1000 });
    window.add('a', 1);
    jest.advanceTimersByTime(999);
    expect(window.get('a')).toBe(1);
    jest.advanceTimersByTime(1);
    expect(window.has('a')).toBe(false);
    expect(window.size).toBe(0);
  });

  it('keeps within its count and weight whatever is added, and keeps the newest', () => {
    const additions = fc.array(fc.tuple(fc.string({ maxLength: 2 }), fc.nat(60)), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(additions, (entries) => {
        const window = new DuplicateWindow<number>({ maxEntries: 5, ttlMs: 1000, maxWeight: 100 });
        for (const [key, weight] of entries) {
          window.add(key, weight, weight);
          expect(window.get(key)).toBe(weight);
        }
        expect(window.size).toBeLessThanOrEqual(5);
        const kept = [...new Set(entries.map(([key]) => key))].reduce((sum, key) => sum + (window.get(key) ?? 0), 0);
        expect(kept).toBeLessThanOrEqual(100);
      }),
    );
  });

  it('does not keep an entry heavier than all of it, nor drop others for it', () => {
    const window = new DuplicateWindow<string>({ maxEntries: 5, ttlMs: 1000, maxWeight: 10 });
    window.add('small', 's', 5);
    window.add('huge', 'h', 11);
    expect(window.has('huge')).toBe(false);
    expect(window.has('small')).toBe(true);
  });

  it('keeps the newest half of its count, and every entry for half of its time, whatever is added', () => {
    const steps = fc.array(fc.tuple(fc.nat(30), fc.nat(400)), { minLength: 1, maxLength: 80 });
    fc.assert(
      fc.property(steps, (entries) => {
        const window = new DuplicateWindow<number, number>({ maxEntries: 8, ttlMs: 1000 });
        const added: { key: number; at: number }[] = [];
        for (const [index, [key, pauseMs]] of entries.entries()) {
          jest.advanceTimersByTime(pauseMs);
          window.add(key, index);
          added.push({ key, at: Date.now() });
          const newest = [...new Set(added.map((entry) => entry.key).toReversed())].slice(0, 4);
          const young = newest.filter((one) =>
            added.some(({ key: other, at }) => other === one && Date.now() - at < 500),
          );
          for (const one of young) expect(window.has(one)).toBe(true);
        }
        jest.advanceTimersByTime(1000);
        expect(window.size).toBe(0);
      }),
    );
  });

  it('keeps what must be kept beyond its count and time, for as long as that is so', () => {
    const kept = new Set([1, 2, 3]);
    const window = new DuplicateWindow<number, number>({
      maxEntries: 4,
      ttlMs: 1000,
      keeps: (value) => kept.has(value),
    });
    for (let key = 1; key <= 100; key++) {
      window.add(key, key);
      expect(window.size).toBeLessThanOrEqual(4 + 2 * kept.size);
    }
    jest.advanceTimersByTime(10_000);
    expect([1, 2, 3, 100].map((key) => window.get(key))).toEqual([1, 2, 3, undefined]);
    kept.clear();
    jest.advanceTimersByTime(10_000);
    expect(window.size).toBe(0);
  });

  it('keeps the value that came last of one that must be kept', () => {
    const window = new DuplicateWindow<string>({ maxEntries: 4, ttlMs: 1000, keeps: () => true });
    window.add('key', 'old');
    for (const key of ['a', 'b', 'c']) window.add(key, key);
    window.add('key', 'new');
    for (const key of ['d', 'e', 'f', 'g', 'h']) window.add(key, key);
    expect(window.get('key')).toBe('new');
  });

  it('is as bounded as before when what had to be kept was deleted', () => {
    const kept = new Set<number>();
    const window = new DuplicateWindow<number, number>({
      maxEntries: 4,
      ttlMs: 1000,
      keeps: (value) => kept.has(value),
    });
    for (let key = 1; key <= 100; key++) {
      kept.add(key);
      window.add(key, key);
    }
    for (let key = 1; key <= 100; key++) {
      kept.delete(key);
      window.delete(key);
    }
    for (let key = 101; key <= 200; key++) window.add(key, key);
    expect(window.size).toBeLessThanOrEqual(4);
  });
});
