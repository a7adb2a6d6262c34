import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createDeferred } from '@asyncmcp/testkit';
import { PendingCalls } from '../../src/shell/pending-calls.js';
import { callLine, callLines, progressBar } from '../../src/shell/progress-bar.js';
import type { CallToolResult, Progress } from '@modelcontextprotocol/sdk/types.js';
import type { CallHandle } from '../../src/shell/pending-calls.js';

const result: CallToolResult = { content: [] };

describe('pending calls', () => {
  let calls: PendingCalls;
  let changes: string[];

  beforeEach(() => {
    jest.useFakeTimers();
    changes = [];
    const onChange = (call: { number: number }, what: string): void => void changes.push(`${call.number} ${what}`);
    calls = new PendingCalls({ timeoutMs: 1000, onChange });
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  /** A call that ends when it is told to, or given up. */
  function start(): {
    handle: CallHandle;
    end: (value: CallToolResult) => void;
    outcome: Promise<unknown>;
    number: number;
  } {
    const { promise, resolve } = createDeferred<CallToolResult>();
    const seen: { handle?: CallHandle } = {};
    const { call, outcome } = calls.start('wait', (given) => {
      seen.handle = given;
      const givenUp = new Promise<never>((_, reject) => {
        given.signal.addEventListener('abort', () => reject(new Error('aborted')));
      });
      return Promise.race([promise, givenUp]);
    });
    if (seen.handle === undefined) throw new Error('not started');
    return { handle: seen.handle, end: resolve, outcome, number: call.number };
  }

  it('are listed until they end', async () => {
    const [one, other] = [start(), start()];
    expect(calls.list.map(({ number }) => number)).toEqual([1, 2]);
    one.end(result);
    expect(await one.outcome).toEqual({ result });
    expect(calls.list.map(({ number }) => number)).toEqual([2]);
    other.end(result);
    await calls.settled();
    expect(calls.list).toEqual([]);
    expect(changes).toEqual(['1 begun', '2 begun', '1 ended', '2 ended']);
  });

  it('know how far they are, and do not go back', () => {
    const { handle } = start();
    handle.onprogress({ progress: 2, total: 5 });
    handle.onprogress({ progress: 1, total: 5 });
    expect(calls.list[0]?.progress).toEqual({ progress: 2, total: 5 });
    expect(changes).toEqual(['1 begun', '1 progress']);
  });

  it('are given up when nothing is heard of them', async () => {
    const { handle, outcome } = start();
    jest.advanceTimersByTime(900);
    handle.onprogress({ progress: 1 });
    jest.advanceTimersByTime(900);
    expect(handle.signal.aborted).toBe(false);
    jest.advanceTimersByTime(100);
    expect(await outcome).toEqual({ givenUp: 'no word of it for 1 s', wanted: false });
  });

  it('have all the time while somebody is asked', async () => {
    const before = start();
    calls.hold(true);
    const after = start();
    jest.advanceTimersByTime(10_000);
    after.handle.onprogress({ progress: 1 });
    jest.advanceTimersByTime(10_000);
    expect([before, after].map(({ handle }) => handle.signal.aborted)).toEqual([false, false]);
    calls.hold(false);
    jest.advanceTimersByTime(1000);
    expect(await before.outcome).toMatchObject({ wanted: false });
    expect(await after.outcome).toMatchObject({ wanted: false });
  });

  it('can be cancelled', async () => {
    const { outcome, number } = start();
    start();
    calls.cancel(number);
    expect(await outcome).toEqual({ givenUp: 'cancelled', wanted: true });
    expect(() => calls.cancel(number)).toThrow('No call #1 runs, but #2.');
    calls.cancelAll('leaving');
    await calls.settled();
    expect(() => calls.cancel(number)).toThrow('No call #1 runs; none does.');
  });

  it('fail with what they fail with', async () => {
    const { outcome } = calls.start('divide', () => Promise.reject(new Error('by zero')));
    expect(await outcome).toEqual({ error: new Error('by zero') });
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe('progress', () => {
  it.each<[Progress, string]>([
    [{ progress: 3, total: 5, message: 'got 3' }, '[█████░░░] 3/5 got 3'],
    [{ progress: 0, total: 5 }, '[░░░░░░░░] 0/5'],
    [{ progress: 7, total: 5 }, '[████████] 7/5'],
    [{ progress: 0.333333, total: 1 }, '[███░░░░░] 0.33/1'],
    [{ progress: 3, message: 'three\nso far\u001b[2J' }, '3 three so far'],
    [{ progress: 3, total: 0 }, '3'],
  ])('of %j', (progress, bar) => {
    expect(progressBar(progress)).toBe(bar);
  });

  const call = (number: number, message: string): Parameters<typeof callLine>[0] => ({
    number,
    tool: 'analyze',
    startedAt: 1000,
    progress: { progress: 1, total: 2, message },
  });

  it('of a call fits its line, and says how old it is', () => {
    expect(callLine(call(3, 'half'), 4000, 79)).toBe('#3 analyze [████░░░░] 1/2 half, 3 s');
    expect(callLine({ ...call(3, ''), progress: undefined }, 4000, 79)).toBe('#3 analyze nothing heard of it yet, 3 s');
    expect(callLine(call(3, 'x'.repeat(100)), 4000, 40)).toBe('#3 analyze [████░░░░] 1/2 xxxxxxxx…, 3 s');
  });

  it('of many calls takes only so many lines', () => {
    const many = Array.from({ length: 9 }, (_, index) => call(index + 1, ''));
    const lines = callLines(many, { now: 1000, width: 79, height: 4 });
    expect(lines).toHaveLength(4);
    expect(lines.at(-1)).toBe('and 6 more (pending lists them)');
    expect(callLines(many.slice(0, 4), { now: 1000, width: 79, height: 4 })).toHaveLength(4);
  });
});
