import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ReplayWindow } from '../src/index.js';
import { failureOf } from './support.js';
import type { ReplayWindowOptions } from '../src/index.js';

/** A window whose clock the test moves, in seconds. */
function windowAt(start: number, options: ReplayWindowOptions = {}) {
  const clock = { seconds: start };
  return { clock, window: new ReplayWindow({ ...options, now: () => clock.seconds * 1000 }) };
}

describe('ReplayWindow', () => {
  it('takes a delivery once', () => {
    const { window } = windowAt(1000);
    expect(window.claim('a', 1000)).toBe('new');
    window.accept('a');
    expect(window.claim('a', 1000)).toBe('replay');
    expect(window.claim('b', 1000)).toBe('new');
  });

  it("knows a sender's retry from a replay by its later timestamp", () => {
    const { window } = windowAt(1000);
    expect(window.claim('a', 1000)).toBe('new');
    window.accept('a');
    expect(window.claim('a', 1002)).toBe('duplicate');
    expect(window.claim('a', 1001)).toBe('replay');
    expect(window.claim('a', 1002)).toBe('replay');
    expect(window.claim('a', 1003)).toBe('duplicate');
  });

  it('neither delivers nor confirms a retry while the first try is being delivered', () => {
    const { window } = windowAt(1000);
    window.claim('a', 1000);
    expect(window.claim('a', 1001)).toBe('pending');
    expect(window.claim('a', 1001)).toBe('replay');
    window.accept('a');
    expect(window.claim('a', 1002)).toBe('duplicate');
  });

  it('takes the next try of what could not be delivered, but not the same one', () => {
    const { window } = windowAt(1000);
    window.claim('a', 1000);
    window.release('a');
    expect(window.claim('a', 1000)).toBe('replay');
    expect(window.claim('a', 1001)).toBe('new');
    window.accept('a');
    expect(window.claim('a', 1002)).toBe('duplicate');
  });

  it('does not take back what was accepted, and does not mind ids it does not know', () => {
    const { window } = windowAt(1000);
    window.claim('a', 1000);
    window.accept('a');
    window.release('a');
    window.accept('b');
    window.release('c');
    expect(window.claim('a', 1001)).toBe('duplicate');
    expect(window.size).toBe(1);
  });

  it('remembers for as long as any signature it saw can be good, and not much longer', () => {
    const { clock, window } = windowAt(1000, { toleranceSeconds: 300 });
    clock.seconds = 1599; // towards the end of a half of the window
    expect(window.claim('a', 1899)).toBe('new'); // the sender's clock is ahead by all that is tolerated
    window.accept('a');
    clock.seconds = 2199; // the last second in which that is verified
    expect(window.claim('b', 2199)).toBe('new');
    expect(window.claim('a', 1899)).toBe('replay');
    clock.seconds = 3500;
    window.claim('c', 3500);
    clock.seconds = 4800;
    window.claim('d', 4800);
    expect(window.size).toBe(2);
  });

  it('keeps an id for as long after its latest try', () => {
    const { clock, window } = windowAt(0, { toleranceSeconds: 10 });
    window.claim('a', 0);
    window.accept('a');
    for (let seconds = 15; seconds < 200; seconds += 15) {
      clock.seconds = seconds;
      expect(window.claim('a', seconds)).toBe('duplicate');
      expect(window.claim('a', seconds)).toBe('replay');
      expect(window.size).toBe(1);
    }
  });

  it('refuses nothing for what is forgotten by age, to the last second', () => {
    const { clock, window } = windowAt(100.75, { toleranceSeconds: 2 });
    clock.seconds = 104.5;
    window.claim('ahead', 106);
    for (const [index, seconds] of [104.75, 108.75].entries()) {
      clock.seconds = seconds;
      expect(window.claim(`behind-${index}`, Math.floor(seconds) - 2)).toBe('new');
    }
  });

  it('takes whatever comes for the first time and is verified, as long as it is not full', () => {
    const arrivals = fc.array(fc.tuple(fc.constantFrom(-2, 0, 2), fc.nat(12)), { maxLength: 80 });
    fc.assert(
      fc.property(arrivals, (each) => {
        const { clock, window } = windowAt(100, { toleranceSeconds: 2, maxEntries: 1000 });
        for (const [index, [skew, wait]] of each.entries()) {
          clock.seconds += wait / 4;
          expect(window.claim(`id-${index}`, Math.floor(clock.seconds) + skew)).toBe('new');
        }
      }),
      { numRuns: 500 },
    );
  });

  it('refuses rather than forgets when it is full: what is late, not what is new', () => {
    const { clock, window } = windowAt(1000, { maxEntries: 10 });
    for (let index = 0; index < 100; index++) {
      clock.seconds++;
      expect(window.claim(`id-${index}`, clock.seconds)).toBe('new');
      window.accept(`id-${index}`);
      expect(window.size).toBeLessThanOrEqual(10);
    }
    const remembered = window.size;
    for (let index = 0; index < 100; index++) {
      expect(window.claim(`id-${index}`, 1001 + index)).toBe(index < 100 - remembered ? 'late' : 'replay');
    }
    expect(window.claim('late', 1010)).toBe('late');
    expect(window.claim('late', clock.seconds)).toBe('new'); // its next try
  });

  it('never takes one signed delivery twice, whatever comes, in whatever order and however fast', () => {
    const arrival = fc.record({
      id: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'),
      skew: fc.integer({ min: -5, max: 5 }),
      wait: fc.nat(4),
      outcome: fc.constantFrom('accept', 'release', 'none'),
    });
    fc.assert(
      fc.property(fc.array(arrival, { maxLength: 80 }), fc.integer({ min: 2, max: 8 }), (arrivals, maxEntries) => {
        const { clock, window } = windowAt(100, { toleranceSeconds: 5, maxEntries });
        const taken = new Set<string>();
        for (const { id, skew, wait, outcome } of arrivals) {
          clock.seconds += wait;
          const timestamp = clock.seconds + skew;
          // Each captured delivery that would still be verified is sent again.
          for (const delivery of taken) {
            const [capturedId = '', capturedAt = ''] = delivery.split(' ');
            if (Math.abs(Number(capturedAt) - clock.seconds) > 5) continue;
            expect(window.claim(capturedId, Number(capturedAt))).toMatch(/^(replay|late)$/);
          }
          if (window.claim(id, timestamp) !== 'new') continue;
          expect(taken.has(`${id} ${timestamp}`)).toBe(false);
          taken.add(`${id} ${timestamp}`);
          if (outcome === 'accept') window.accept(id);
          if (outcome === 'release') window.release(id);
          expect(window.size).toBeLessThanOrEqual(maxEntries);
        }
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['toleranceSeconds', 0],
    ['maxEntries', 1],
    ['maxEntries', 1.5],
    ['now', 'noon'],
    ['ttl', 5],
  ])('refuses %s: %p', (option, value) => {
    expect(failureOf(() => new ReplayWindow({ [option]: value }))).toMatchObject({
      code: 'ERR_INVALID_OPTION',
      details: { option },
    });
  });
});
