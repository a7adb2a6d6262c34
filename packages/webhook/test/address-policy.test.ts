import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { specialRangeOf } from '../src/address-policy.js';
import { NOT_PUBLIC, PUBLIC, dotted, inPrefix, inPrefix6 } from './addresses.js';

describe('addresses that are not public', () => {
  it.each(NOT_PUBLIC)('%s', (address) => {
    expect(specialRangeOf(address)).toEqual(expect.any(String));
  });

  it('are all of each private, reserved or local IPv4 range, also mapped and behind NAT64', () => {
    fc.assert(
      fc.property(inPrefix, ({ value }) => {
        const address = dotted(value);
        for (const text of [
          address,
          `::ffff:${address}`,
          `64:ff9b::${address}`,
          `::${address}`,
          `::ffff:0:${address}`,
        ]) {
          expect(specialRangeOf(text)).toEqual(expect.any(String));
        }
      }),
    );
  });

  it('are all of each special IPv6 range', () => {
    fc.assert(fc.property(inPrefix6, (address) => expect(specialRangeOf(address)).toEqual(expect.any(String))));
  });

  it.each(['', 'localhost', '1.2.3', '0x7f.1', '2130706433', '::1]', '1.2.3.4.', 'fe80::1%eth0', '2606:4700::1%eth0'])(
    'and %p, which is none',
    (text) => {
      expect(specialRangeOf(text)).toEqual(expect.any(String));
    },
  );
});

describe('public addresses', () => {
  it.each(PUBLIC)('%s', (address) => {
    expect(specialRangeOf(address)).toBeUndefined();
  });
});

it('says which range it is, for the log', () => {
  expect(specialRangeOf('127.0.0.1')).toBe('loopback');
  expect(specialRangeOf('::ffff:10.0.0.1')).toBe('private');
  expect(specialRangeOf('168.63.129.16')).toBe('metadata');
  expect(specialRangeOf('4000::1')).toBe('reserved');
});
