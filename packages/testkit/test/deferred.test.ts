import { describe, expect, it } from '@jest/globals';
import { createDeferred } from '../src/deferred.js';

describe('createDeferred', () => {
  it('is settled from outside', async () => {
    const done = createDeferred<number>();
    done.resolve(1);
    done.reject(new Error('too late'));
    expect(await done.promise).toBe(1);

    const failed = createDeferred();
    failed.reject(new Error('no'));
    await expect(failed.promise).rejects.toThrow('no');
  });
});
