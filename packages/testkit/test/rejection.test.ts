import { describe, expect, it } from '@jest/globals';
import { rejectionOf } from '../src/rejection.js';

describe('rejectionOf', () => {
  it('resolves with the reason', async () => {
    const reason = new Error('no');
    expect(await rejectionOf(Promise.reject(reason))).toBe(reason);
  });

  it('rejects when there is none', async () => {
    await expect(rejectionOf(Promise.resolve('yes'))).rejects.toThrow('should have been rejected');
  });
});
