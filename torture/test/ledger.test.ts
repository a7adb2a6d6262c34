import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Ledger } from '../src/ledger.js';
import type { Cause } from '../src/ledger.js';

afterEach(() => {
  jest.restoreAllMocks();
});

type Event =
  { readonly ran: number } | { readonly killed: number } | { readonly gone: number } | 'sent' | 'answered' | 'ended';

/** A ledger in which this happened to one call, one after the other. */
function ledgerOf(...events: readonly Event[]): Ledger {
  let now = 0;
  jest.spyOn(Date, 'now').mockImplementation(() => now++);
  const ledger = new Ledger();
  for (const event of events) {
    if (event === 'sent') ledger.sent('a');
    else if (event === 'answered') ledger.answered('a');
    else if (event === 'ended') ledger.ended('a', { kind: 'result' });
    else if ('ran' in event) ledger.executed('a', event.ran);
    else if ('killed' in event) ledger.killed(event.killed);
    else ledger.gone(event.gone);
  }
  return ledger;
}

const [ran1, ran2, ran3] = [{ ran: 1 }, { ran: 2 }, { ran: 3 }];
const [killed1, killed2] = [{ killed: 1 }, { killed: 2 }];

describe('a call ran again', () => {
  it.each<[string, readonly Event[], readonly Cause[]]>([
    ['never', [ran1], []],
    ['after a kill', [ran1, killed1, ran2], ['killed']],
    ['after two kills', [ran1, killed1, ran2, killed2, ran3], ['killed', 'killed']],
    ['beside the first', [ran1, ran2], ['other-process']],
    ['beside the first, which was killed later', [ran1, ran2, killed1], ['other-process']],
    ['after a kill, and once more', [ran1, killed1, ran2, ran3], ['killed', 'other-process']],
    ['after a kill that came when it was answered', [ran1, 'answered', killed1, ran2], ['other-process']],
    ['after a kill, when somebody else had answered meanwhile', [ran1, killed1, 'answered', ran2], ['killed']],
    ['in the same process', [ran1, ran1], ['same-process']],
    ['in the same process, after another', [ran1, ran2, ran1], ['other-process', 'same-process']],
    ['in the same process, although that was told to end', [ran1, killed1, ran1], ['same-process']],
  ])('%s', (_when, events, causes) => {
    const ledger = ledgerOf('sent', ...events);
    expect(ledger.calls.map((call) => ledger.repeats(call))).toEqual([causes]);
  });
});

describe('the processes that can have had a call', () => {
  it.each<[string, readonly Event[], number]>([
    ['are those that began with it', ['sent', ran1, ran2, ran2, 'ended'], 2],
    ['are those that ended meanwhile', ['sent', ran1, killed2, { gone: 2 }, 'ended'], 2],
    ['are those that were still ending', [killed2, 'sent', { gone: 2 }, 'ended'], 1],
    ['are not those that ended before', [killed2, { gone: 2 }, 'sent', 'ended'], 0],
    ['are not those that ended later', ['sent', 'ended', killed2], 0],
  ])('%s', (_which, events, count) => {
    const ledger = ledgerOf(...events);
    expect(ledger.calls.map((call) => ledger.processesOver(call))).toEqual([count]);
  });
});

it('counts what was answered, and forgets nothing that was not', () => {
  const ledger = new Ledger();
  for (const marker of ['a', 'b']) ledger.sent(marker);
  ledger.answered('a');
  ledger.answered('a');
  ledger.ended('a', { kind: 'result' });
  expect(ledger.size).toBe(2);
  expect(ledger.calls).toMatchObject([
    { marker: 'a', answers: 2, outcome: { kind: 'result' } },
    { marker: 'b', answers: 0, outcome: undefined },
  ]);
});

describe('the calls of a client that was killed', () => {
  it('are abandoned, but for those that it has heard of', () => {
    const ledger = ledgerOf();
    for (const marker of ['heard', 'open']) ledger.sent(marker, 7);
    ledger.sent('of another', 8);
    ledger.ended('heard', { kind: 'result' });
    ledger.abandoned(7);
    expect(ledger.calls.map(({ marker, outcome }) => [marker, outcome?.kind])).toEqual([
      ['heard', 'result'],
      ['open', 'abandoned'],
      ['of another', undefined],
    ]);
  });
});

it('a server may tell of a call before its client does', () => {
  const ledger = ledgerOf({ ran: 1 });
  ledger.sent('a', 7, 5);
  expect(ledger.calls).toMatchObject([{ marker: 'a', caller: 7, sentAt: 5, executions: [{ pid: 1 }] }]);
});
