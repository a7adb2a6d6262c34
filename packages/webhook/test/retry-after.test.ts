import { describe, expect, it } from '@jest/globals';
import { parseRetryAfter } from '../src/retry-after.js';

const now = Date.parse('2026-03-04T05:06:07Z');

describe('Retry-After', () => {
  it.each([
    ['0', 0],
    ['7', 7000],
    [' 7 ', 7000],
    ['3600', 3_600_000],
    ['3601', 3_600_000],
    ['9'.repeat(400), 3_600_000],
  ])('in seconds: %p', (value, expected) => {
    expect(parseRetryAfter(value, now)).toBe(expected);
  });

  it.each([
    ['Wed, 04 Mar 2026 05:06:17 GMT', 10_000],
    ['Wednesday, 04-Mar-26 05:06:17 GMT', 10_000],
    ['Wed Mar  4 05:06:17 2026', 10_000],
    ['Wed, 04 Mar 2026 05:06:00 GMT', 0],
    ['Wed, 04 Mar 2099 05:06:07 GMT', 3_600_000],
  ])('as a date: %p', (value, expected) => {
    expect(parseRetryAfter(value, now)).toBe(expected);
  });

  it.each([
    undefined,
    '',
    '-1',
    '1.5',
    '1e3',
    '0x10',
    'soon',
    '20.9.9',
    '2099-01-01',
    '12, 13',
    'Xyz, 99 Foo 2099 05:06:07 GMT',
    'Wed, 04 Mar 2099 05:06:07 EST',
    '∞',
  ])('ignores %p', (value) => {
    expect(parseRetryAfter(value, now)).toBe(0);
  });

  it('ignores one that was sent twice', () => {
    expect(parseRetryAfter(['1', '2'], now)).toBe(0);
  });
});
