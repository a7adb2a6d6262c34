import { describe, expect, it } from '@jest/globals';
import { activeHandles, handlesLeft } from '../src/contract/active-handles.js';

// In a file of its own: what other tests leave to end in its own time would be counted too.
describe("the transport contract's look for open handles", () => {
  it('sees a handle that is left open', async () => {
    const before = activeHandles();
    const timer = setInterval(() => {}, 60_000);
    try {
      expect(await handlesLeft(before, [], 50)).toEqual([expect.stringMatching(/^Timeout: /)]);
      expect(await handlesLeft(before, ['Timeout'], 50)).toEqual([]);
    } finally {
      clearInterval(timer);
    }
    expect(await handlesLeft(before, [], 1000)).toEqual([]);
  });
});
