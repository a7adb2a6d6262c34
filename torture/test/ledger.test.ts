import { describe, expect, it, jest } from '@jest/globals';
import { Ledger } from '../src/ledger.js';

/** A ledger with one call that ran in these processes, one after the other; each is killed before the next unless it says otherwise. */
function ledgerOf(...runs: readonly { readonly pid: number; readonly killed: boolean }[]): Ledger {
  let now = 0;
  const clock = jest.spyOn(Date, 'now').mockImplementation(() => now++);
  const ledger = new Ledger();
  ledger.sent('a');
  for (const { pid, killed } of runs) {
    ledger.executed('a', pid);
    if (killed) ledger.killed(pid);
  }
  clock.mockRestore();
  return ledger;
}

describe('a call that ran again', () => {
  it.each([
    ['never', [{ pid: 1, killed: false }], false],
    [
      'after a kill',
      [
        { pid: 1, killed: true },
        { pid: 2, killed: false },
      ],
      false,
    ],
    [
      'after two kills',
      [
        { pid: 1, killed: true },
        { pid: 2, killed: true },
        { pid: 3, killed: false },
      ],
      false,
    ],
    [
      'beside the first',
      [
        { pid: 1, killed: false },
        { pid: 2, killed: false },
      ],
      true,
    ],
    [
      'beside the first, which was killed later',
      [
        { pid: 1, killed: false },
        { pid: 2, killed: true },
      ],
      true,
    ],
    [
      'after a kill, and once more',
      [
        { pid: 1, killed: true },
        { pid: 2, killed: false },
        { pid: 3, killed: false },
      ],
      true,
    ],
  ])('%s', (_when, runs, forNothing) => {
    const ledger = ledgerOf(...runs);
    expect(ledger.calls.map((call) => ledger.ranAgainForNothing(call))).toEqual([forNothing]);
  });
});

it('counts what was answered, and forgets nothing that was not', () => {
  const ledger = new Ledger();
  for (const marker of ['a', 'b']) ledger.sent(marker);
  ledger.answered('a');
  ledger.answered('a');
  ledger.answered('nobody');
  ledger.ended('a', { kind: 'result' });
  expect(ledger.size).toBe(2);
  expect(ledger.calls).toMatchObject([
    { marker: 'a', answers: 2, outcome: { kind: 'result' } },
    { marker: 'b', answers: 0, outcome: undefined },
  ]);
});
