import { describe, expect, it } from '@jest/globals';
import { fold } from '../src/text.js';

describe('a line that is too long for the terminal', () => {
  it('is folded between words, with an indent', () => {
    expect(fold('12:00  call  wait #4 started', 20, 6)).toBe('12:00  call  wait #4\n      started');
    expect(fold('one two three four five', 11, 2)).toBe('one two\n  three\n  four five');
  });

  it('keeps a word whole that is wider alone', () => {
    expect(fold('at http://127.0.0.1:8000/mcp now', 12, 2)).toBe('at\n  http://127.0.0.1:8000/mcp\n  now');
  });

  it('stays as it is where there is room, spaces included', () => {
    expect(fold('12:00  call      wait', 21, 6)).toBe('12:00  call      wait');
    expect(fold('12:00  call      wait', Infinity, 6)).toBe('12:00  call      wait');
  });
});
