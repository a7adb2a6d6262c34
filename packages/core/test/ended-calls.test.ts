import { describe, expect, it } from '@jest/globals';
import { EndedCalls } from '../src/ended-calls.js';

describe('the ended calls of a session', () => {
  it('are the latest, and the ids 1 and "1" are two', () => {
    const ended = new EndedCalls();
    ended.add('1');
    expect([ended.has('1'), ended.has(1)]).toEqual([true, false]);
    for (let id = 1; id <= 600; id++) ended.add(id);
    expect([ended.has('1'), ended.has(88), ended.has(89), ended.has(600)]).toEqual([false, false, true, true]);
  });

  it('take up no more room than so many characters, whatever ids a stranger chooses', () => {
    const ended = new EndedCalls();
    const idOf = (number: number): string => `${number}`.padStart(1000, 'x');
    for (let number = 0; number < 1000; number++) {
      ended.add(idOf(number));
      expect(ended.has(idOf(number))).toBe(true);
      let kept = 0;
      for (let before = number; before >= 0 && ended.has(idOf(before)); before--) kept += 1000;
      expect(kept).toBeLessThanOrEqual(32 * 1024);
    }
    // Short ones that take the place of long ones give room back.
    for (let id = 0; id < 512; id++) ended.add(id);
    ended.add(idOf(1));
    expect([ended.has(1), ended.has(511), ended.has(idOf(1))]).toEqual([true, true, true]);
  });

  it('take in cancellations that come before their call, until that has come', () => {
    const ended = new EndedCalls();
    expect(ended.isCancelledAhead(1)).toBe(false);
    ended.cancelAhead(1);
    expect([ended.isCancelledAhead(1), ended.isCancelledAhead('1'), ended.has(1)]).toEqual([true, false, false]);
    ended.add(1);
    expect([ended.isCancelledAhead(1), ended.has(1)]).toEqual([false, true]);
  });
});
