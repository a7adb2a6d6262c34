import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Ledger } from '../src/ledger.js';
import { printed } from '../src/report.js';
import { isHeld, summarise } from '../src/summary.js';
import type { Run, Summary } from '../src/summary.js';

let now = 0;
beforeEach(() => {
  jest.spyOn(Date, 'now').mockImplementation(() => now++);
});
afterEach(() => {
  jest.restoreAllMocks();
});

/** The verdict on one good call, and whatever else there is. */
function summaryOf(write: (ledger: Ledger) => void = () => {}, rest: Partial<Run> = {}): Summary {
  const ledger = new Ledger();
  ledger.sent('good');
  ledger.executed('good', 1);
  ledger.answered('good');
  ledger.ended('good', { kind: 'result' });
  write(ledger);
  return summarise({
    transport: 'made up',
    again: 'pnpm torture made-up',
    seed: 1,
    elapsedMs: 1000,
    ledger,
    errors: ['ERR_TOO_MANY_ATTEMPTS', 'ERR_CLOSED'],
    ends: 1,
    inFlight: 2,
    planned: {},
    faults: {},
    problems: [],
    reported: {},
    memory: { callers: [1, 1], server: [1, 1] },
    ...rest,
  });
}

/** Another call, which is answered. */
function answered(ledger: Ledger, marker: string, ...pids: readonly number[]): void {
  ledger.sent(marker);
  for (const pid of pids) ledger.executed(marker, pid);
  ledger.answered(marker);
  ledger.ended(marker, { kind: 'result' });
}

function failed(ledger: Ledger, marker: string, code: string): void {
  ledger.answered(marker);
  ledger.ended(marker, { kind: 'error', code, text: '' });
}

describe('a run is held', () => {
  it('although a client was killed that had a call under way, which then ran', () => {
    const summary = summaryOf((ledger) => {
      ledger.sent('a', 7);
      ledger.executed('a', 1);
      ledger.abandoned(7);
    });
    expect(isHeld(summary)).toBe(true);
    expect(summary).toMatchObject({ calls: 2, results: 1, abandoned: 1, lost: 0 });
    expect(printed(summary)).toMatch(/abandoned: their client was killed +1\n/);
  });

  it('when every call ran and was answered once', () => {
    expect(isHeld(summaryOf())).toBe(true);
  });

  it('when what ran again did so after a kill', () => {
    const summary = summaryOf((ledger) => {
      ledger.sent('a');
      ledger.executed('a', 1);
      ledger.killed(1);
      ledger.executed('a', 2);
      ledger.answered('a');
      ledger.ended('a', { kind: 'result' });
    });
    expect(summary.repeats).toEqual({ killed: 1, 'other-process': 0, 'same-process': 0 });
    expect(isHeld(summary)).toBe(true);
  });

  it('when so many processes had a call as it has attempts', () => {
    const summary = summaryOf((ledger) => {
      ledger.sent('a');
      ledger.executed('a', 1);
      for (const pid of [1, 2, 3]) ledger.killed(pid);
      failed(ledger, 'a', 'ERR_TOO_MANY_ATTEMPTS');
    });
    expect(isHeld(summary)).toBe(true);
  });
});

describe('a run is broken', () => {
  it.each<[string, (ledger: Ledger) => void, Partial<Run>, Partial<Summary>]>([
    [
      'by a lost call',
      (ledger) => {
        ledger.sent('a');
        ledger.ended('a', { kind: 'lost' });
      },
      {},
      { lost: 1 },
    ],
    ['by one that never ended', (ledger) => ledger.sent('a'), {}, { lost: 1 }],
    [
      'by a second answer',
      (ledger) => {
        answered(ledger, 'a', 1);
        ledger.answered('a');
      },
      {},
      { answeredTwice: 1 },
    ],
    [
      'by a wrong answer',
      (ledger) => {
        ledger.sent('a');
        ledger.ended('a', { kind: 'wrong', text: 'b' });
      },
      {},
      { wrong: 1 },
    ],
    [
      'by a call that ran twice in one process',
      (ledger) => answered(ledger, 'a', 1, 1),
      {},
      { repeats: { killed: 0, 'other-process': 0, 'same-process': 1 } },
    ],
    [
      'by a copy that ran in another process',
      (ledger) => answered(ledger, 'a', 1, 2),
      {},
      { repeats: { killed: 0, 'other-process': 1, 'same-process': 0 } },
    ],
    [
      'by an error that is not due',
      (ledger) => {
        ledger.sent('a');
        failed(ledger, 'a', 'ERR_UNAVAILABLE');
      },
      {},
      { unexpected: 1 },
    ],
    [
      'by a call given up that too few processes had',
      (ledger) => {
        ledger.sent('a');
        ledger.executed('a', 1);
        ledger.executed('a', 2);
        failed(ledger, 'a', 'ERR_TOO_MANY_ATTEMPTS');
      },
      {},
      { unexpected: 1 },
    ],
    [
      'by more calls closed than were in flight when servers ended',
      (ledger) => {
        for (const marker of ['a', 'b', 'c']) {
          ledger.sent(marker);
          failed(ledger, marker, 'ERR_CLOSED');
        }
      },
      { ends: 1, inFlight: 2 },
      { unexpected: 1 },
    ],
    ['by a server that ended by itself', () => {}, { problems: ['Server 7 ended by itself.'] }, {}],
    [
      'by a fault that never met anything',
      () => {},
      { planned: { twice: 5, once: 4 }, faults: {} },
      { idleFaults: ['twice'] },
    ],
  ])('%s', (_what, write, rest, found) => {
    const summary = summaryOf(write, rest);
    expect(summary).toMatchObject(found);
    expect(isHeld(summary)).toBe(false);
    expect(printed(summary)).toContain('BROKEN');
  });
});

it('is printed with what servers wrote, and with how to do it again', () => {
  const text = printed(summaryOf(() => {}, { problems: ['Server 7 ended by itself. It wrote:\nout of luck'] }));
  expect(text).toContain('out of luck');
  expect(text).toContain('again with pnpm torture made-up');
});
