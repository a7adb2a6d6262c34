import { describe, expect, it } from '@jest/globals';
import { createDeferred, rejectionOf, until } from '@asyncmcp/testkit';
import { awsCall, createSharedAbort } from '../src/aws-call.js';

/** A call that never listens, as the SDK does not between its own retries. */
const deaf = (): Promise<never> => new Promise(() => {});

describe('awsCall', () => {
  it('resolves with the result', async () => {
    await expect(awsCall({ doing: 'Trying', call: async () => 'result' })).resolves.toBe('result');
  });

  it('gives up when time is up, and tells the call so', async () => {
    let told: AbortSignal | undefined;
    const call = (signal: AbortSignal): Promise<never> => {
      told = signal;
      return deaf();
    };
    const error = await rejectionOf(awsCall({ doing: 'Trying', call, timeoutMs: 20 }));
    expect(error).toMatchObject({ code: 'ERR_UNAVAILABLE', message: 'Trying failed: no answer within 20 ms.' });
    expect(told?.aborted).toBe(true);
  });

  it('gives up when its signal aborts, with the signal’s reason', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const called = rejectionOf(awsCall({ doing: 'Trying', call: deaf, signal: controller.signal }));
    controller.abort(reason);
    expect(await called).toBe(reason);
    expect(await rejectionOf(awsCall({ doing: 'Trying', call: deaf, signal: controller.signal }))).toBe(reason);
  });

  it('passes on a result that comes too late', async () => {
    const { promise, resolve } = createDeferred<string>();
    const late: string[] = [];
    const onLate = (result: string): void => void late.push(result);
    await rejectionOf(awsCall({ doing: 'Trying', call: () => promise, timeoutMs: 10, onLate }));
    resolve('late');
    await until(() => late.length > 0);
    expect(late).toEqual(['late']);
  });

  it('makes a call that throws at once a rejection like any other', async () => {
    const call = (): Promise<never> => {
      throw new TypeError('broken');
    };
    expect(await rejectionOf(awsCall({ doing: 'Trying', call }))).toMatchObject({ code: 'ERR_UNAVAILABLE' });
  });

  it('lets calls share what aborts them: those under way end together, and later ones are not affected', async () => {
    const sharedAbort = createSharedAbort();
    const listening = (signal: AbortSignal): Promise<never> =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(Object.assign(new Error('aborted'), { name: 'AbortError' })));
      });
    const other = rejectionOf(awsCall({ doing: 'Other', call: listening, sharedAbort }));
    const { promise, resolve } = createDeferred<string>();
    const slow = rejectionOf(awsCall({ doing: 'Slow', call: listening, sharedAbort, timeoutMs: 10 }));
    expect(await slow).toMatchObject({ message: 'Slow failed: no answer within 10 ms.' });
    expect(await other).toMatchObject({ code: 'ERR_UNAVAILABLE' });
    const later = awsCall({ doing: 'Later', call: () => promise, sharedAbort });
    resolve('answer');
    await expect(later).resolves.toBe('answer');
    expect(sharedAbort.signal.aborted).toBe(false);
  });
});
