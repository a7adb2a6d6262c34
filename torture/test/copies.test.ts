import { expect, it } from '@jest/globals';
import { Copies } from '../src/systems/copies.js';

it('counts what is posted again, call by call', () => {
  const copies = new Copies();
  for (const marker of ['1-0', '1-1', '1-0', '1-0']) copies.see(`{"arguments":{"marker":"${marker}"}}`);
  copies.see('no call at all');
  expect([copies.of('1-0'), copies.of('1-1'), copies.of('never'), copies.total]).toEqual([2, 0, 0, 2]);
});
