import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { SQSClient } from '@aws-sdk/client-sqs';
import { createDeferred, rejectionOf } from '@asyncmcp/testkit';
import { createLeases } from '../src/leases.js';
import { intercept, recordingLogger } from './support.js';
import type { AsyncMcpError } from '@asyncmcp/core';
import type { ChangeMessageVisibilityBatchCommandInput } from '@aws-sdk/client-sqs';

/** One entry of a ChangeMessageVisibilityBatch. */
interface Change {
  readonly handle: string | undefined;
  readonly seconds: number | undefined;
  readonly at: number;
}

type Answer = (entries: readonly Change[]) => Promise<object>;

const accept: Answer = async () => ({});
const refuse =
  (SenderFault: boolean): Answer =>
  async (entries) => ({
    Failed: entries.map((_, index) => ({ Id: String(index), Code: 'Refused', Message: 'x', SenderFault })),
  });

const start = Date.now();

/** Leases over a client that never calls AWS; time is fake. */
function setup(visibilityTimeoutSeconds = 30) {
  const sqs = new SQSClient({ region: 'us-east-1' });
  const calls: Change[][] = [];
  const lost: AsyncMcpError[] = [];
  const control = { answer: accept };
  intercept(sqs, ({ input }) => {
    const { Entries = [] } = input as ChangeMessageVisibilityBatchCommandInput;
    const at = Date.now() - start;
    const entries = Entries.map(({ ReceiptHandle, VisibilityTimeout }) => ({
      handle: ReceiptHandle,
      seconds: VisibilityTimeout,
      at,
    }));
    calls.push(entries);
    return control.answer(entries);
  });
  const leases = createLeases({ sqs, queueUrl: 'https://a/1/q', visibilityTimeoutSeconds, logger: recordingLogger() });
  const hold = (handle: string) => leases.hold(handle, (error) => lost.push(error));
  return { leases, hold, calls, lost, control };
}

const pass = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);

beforeEach(() => {
  // Only what leases use; the batcher's microtasks and the client run as ever.
  jest.useFakeTimers({
    now: start,
    doNotFake: ['queueMicrotask', 'nextTick', 'setImmediate', 'hrtime', 'performance'],
  });
});
afterEach(() => {
  jest.useRealTimers();
});

describe('heartbeats', () => {
  it('extend at a third of the visibility timeout, for as long as the message is held', async () => {
    const { hold, calls } = setup(30);
    hold('h');
    await pass(9_999);
    expect(calls).toEqual([]);
    await pass(20_001);
    expect(calls.flat()).toEqual([10_000, 20_000, 30_000].map((at) => ({ handle: 'h', seconds: 30, at })));
  });

  it('go together for messages received at about the same time', async () => {
    const { hold, calls } = setup(30);
    for (let index = 0; index < 12; index++) {
      hold(`h${index}`);
      await pass(100);
    }
    await pass(9_500);
    expect(calls.map((entries) => entries.length)).toEqual([10, 2]);
  });

  it('need one timer for all leases, and none when there are none', async () => {
    const { hold } = setup();
    const leases = ['a', 'b', 'c'].map(hold);
    expect(jest.getTimerCount()).toBe(1);
    for (const lease of leases) lease.release();
    expect(jest.getTimerCount()).toBe(0);
    await pass(60_000);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('end when the message is released', async () => {
    const { hold, calls } = setup();
    const lease = hold('h');
    await pass(15_000);
    lease.release();
    await pass(60_000);
    expect(calls).toHaveLength(1);
  });
});

describe('a lease is lost', () => {
  it('when SQS no longer takes the receipt handle', async () => {
    const { hold, calls, lost, control } = setup();
    control.answer = refuse(true);
    const lease = hold('h');
    await pass(10_000);
    expect(lost).toMatchObject([{ code: 'ERR_LEASE_LOST' }]);
    expect(lease.lost).toBe(true);
    await pass(60_000);
    expect(calls).toHaveLength(1);
    await lease.giveBack(0);
    expect(calls).toHaveLength(1);
  });

  it('not by failures that pass before it has run out', async () => {
    const { hold, lost, control } = setup();
    const lease = hold('h');
    control.answer = () => Promise.reject(new Error('network'));
    await pass(28_000);
    control.answer = refuse(false);
    await pass(1_500);
    control.answer = accept;
    await pass(60_000);
    expect(lost).toEqual([]);
    expect(lease.lost).toBe(false);
  });

  it('when it could not be extended until it ran out', async () => {
    const { hold, lost, control } = setup();
    control.answer = () => Promise.reject(new Error('network'));
    hold('h');
    await pass(29_999);
    expect(lost).toEqual([]);
    await pass(1);
    expect(lost).toMatchObject([{ code: 'ERR_LEASE_LOST', message: expect.stringContaining('could not be extended') }]);
  });

  it('when extending it hangs', async () => {
    const { hold, lost, calls, control } = setup();
    control.answer = () => new Promise(() => {});
    hold('h');
    await pass(30_010);
    expect(calls).toHaveLength(2);
    expect(lost).toHaveLength(1);
  });

  it('after 12 hours, and is not extended beyond', async () => {
    const { hold, lost, calls } = setup(3600);
    hold('h');
    const cap = 43_200_000;
    await pass(cap - 10_000);
    expect(lost).toEqual([]);
    await pass(10_000);
    expect(lost).toMatchObject([{ code: 'ERR_LEASE_LOST', message: expect.stringContaining('12 hours') }]);
    for (const { at, seconds } of calls.flat()) expect(at + (seconds ?? 0) * 1_000).toBeLessThanOrEqual(cap);
    expect(calls.length).toBeLessThan(40);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('and goes on when the message is received again', async () => {
    const { hold, calls, control } = setup();
    control.answer = refuse(true);
    const lease = hold('old');
    await pass(10_000);
    control.answer = accept;
    lease.renew('new');
    expect(lease.lost).toBe(false);
    await pass(10_000);
    expect(calls.at(-1)).toMatchObject([{ handle: 'new', seconds: 30 }]);
  });
});

describe('receiving again', () => {
  it('makes an extension under way for the old receipt handle irrelevant', async () => {
    const { hold, lost, control } = setup();
    const answer = createDeferred<object>();
    control.answer = () => answer.promise;
    const lease = hold('old');
    await pass(10_000);
    lease.renew('new');
    control.answer = accept;
    answer.resolve({ Failed: [{ Id: '0', Code: 'ReceiptHandleIsInvalid', Message: 'x', SenderFault: true }] });
    await pass(20_000);
    expect(lost).toEqual([]);
    expect(lease.receiptHandle).toBe('new');
  });
});

describe('giving back', () => {
  it.each([
    [0, 0],
    [-5, 0],
    [Number.NaN, 0],
    [1, 1],
    [1_500, 2],
    [Infinity, 43_195],
  ])('after %d ms is a visibility timeout of %d s', async (delayMs, seconds) => {
    const { hold, calls } = setup();
    await hold('h').giveBack(delayMs);
    expect(calls).toMatchObject([[{ handle: 'h', seconds }]]);
  });

  it('stays within 12 hours from receipt', async () => {
    const { hold, calls } = setup();
    const lease = hold('h');
    await pass(3_600_000);
    await lease.giveBack(43_200_000);
    expect(calls.at(-1)).toMatchObject([{ seconds: 39_595 }]);
  });

  it('follows a heartbeat under way instead of overtaking it, and drops one that waits', async () => {
    const { hold, calls, control } = setup();
    const answer = createDeferred<object>();
    control.answer = () => answer.promise;
    const first = hold('first');
    await pass(3_000);
    const second = hold('second');
    await pass(7_000); // the heartbeat of the first is under way
    await pass(3_000); // that of the second waits behind it
    const given = Promise.all([first.giveBack(60_000), second.giveBack(90_000)]);
    await pass(100);
    expect(calls).toMatchObject([[{ handle: 'first', seconds: 30 }]]);
    answer.resolve({});
    control.answer = accept;
    await given;
    await pass(60_000);
    expect(calls.slice(1).map((entries) => entries.map(({ handle, seconds }) => [handle, seconds]))).toEqual([
      [
        ['first', 60],
        ['second', 90],
      ],
    ]);
  });

  it('is tried again when it fails for the moment', async () => {
    const { hold, calls, control } = setup();
    control.answer = refuse(false);
    const given = hold('h').giveBack(5_000);
    await pass(50);
    control.answer = accept;
    await pass(5_000);
    await given;
    expect(calls.at(-1)).toMatchObject([{ handle: 'h', seconds: 5 }]);
  });

  it('gives up after a while, for the message comes back by itself', async () => {
    const { hold, control } = setup();
    control.answer = () => Promise.reject(new Error('network'));
    const given = rejectionOf(hold('h').giveBack(0));
    await pass(30_000);
    expect(await given).toMatchObject({ code: 'ERR_UNAVAILABLE' });
  });

  it('is content with a message that is visible already', async () => {
    const { hold, control } = setup();
    control.answer = refuse(true);
    await expect(hold('h').giveBack(0)).resolves.toBeUndefined();
  });
});

describe('close', () => {
  it('stops the timer and waits for the change under way', async () => {
    const { leases, hold, control } = setup();
    const answer = createDeferred<object>();
    control.answer = () => answer.promise;
    hold('h');
    await pass(10_000);
    let closed = false;
    const closing = leases.close().then(() => (closed = true));
    await pass(1);
    expect(closed).toBe(false);
    answer.resolve({});
    await closing;
    expect(jest.getTimerCount()).toBe(0);
  });
});
