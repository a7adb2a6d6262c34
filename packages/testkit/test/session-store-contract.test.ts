import { describe, expect, it } from '@jest/globals';
import { sessionStoreContract } from '../src/session-store-contract.js';

describe('sessionStoreContract', () => {
  it('accepts no exception without a reason', () => {
    const register = () =>
      sessionStoreContract({
        name: 'careless',
        setup: () => {
          throw new Error('not reached');
        },
        exceptions: { independence: ' ' },
      });
    expect(register).toThrow('needs its reason');
  });
});
