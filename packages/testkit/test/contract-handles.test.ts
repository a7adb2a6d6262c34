import { describe, expect, it } from '@jest/globals';
import { activeHandles, handlesLeft } from '../src/contract/active-handles.js';

// In a file of its own, and with more timers than jest has itself, which may end meanwhile: the look is at the process.
const TIMERS = 20;

describe("the transport contract's look for open handles", () => {
  it('sees a handle that is left open', async () => {
    const before = activeHandles();
    const timers = Array.from({ length: TIMERS }, () => setInterval(() => {}, 60_000));
    try {
      expect(await handlesLeft(before, [], 50)).toEqual([expect.stringMatching(/^Timeout: /)]);
      expect(await handlesLeft(before, ['Timeout'], 50)).toEqual([]);
    } finally {
      for (const timer of timers) clearInterval(timer);
    }
    expect(await handlesLeft(before, [], 1000)).toEqual([]);
  });
});
