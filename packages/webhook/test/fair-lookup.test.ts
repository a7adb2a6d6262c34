import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createFairLookup } from '../src/fair-lookup.js';
import type { LookupAddress } from 'node:dns';
import type { LookupAll } from '../src/index.js';

type Answer = Parameters<LookupAll>[2];

const ADDRESS: LookupAddress = { address: '192.0.2.1', family: 4 };

/** A lookup that answers when it is told to. */
function scripted(): {
  readonly lookup: LookupAll;
  readonly asked: string[];
  answer: (name: string, ...with_: Parameters<Answer>) => void;
} {
  const asked: string[] = [];
  const open = new Map<string, Answer>();
  return {
    asked,
    lookup(hostname, _options, callback) {
      asked.push(hostname);
      open.set(hostname, callback);
    },
    answer(name, ...result) {
      const callback = open.get(name);
      open.delete(name);
      callback?.(...result);
    },
  };
}

const failure = (code: string): NodeJS.ErrnoException => Object.assign(new Error(code), { code });

describe('a fair lookup', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  const told: string[] = [];
  beforeEach(() => void told.splice(0));

  /** Asks, and notes who was told what. */
  function ask(lookup: LookupAll, ...names: string[]): void {
    for (const name of names) {
      lookup(name, { all: true }, (error, found) => {
        told.push(`${name}: ${error === null ? found.map(({ address }) => address).join() : String(error.code)}`);
      });
    }
  }

  it('asks once for all who want the same at the same time', () => {
    const { lookup, asked, answer } = scripted();
    ask(createFairLookup(lookup), 'a', 'a', 'a');
    expect(asked).toEqual(['a']);
    answer('a', null, [ADDRESS]);
    expect(told).toEqual(Array(3).fill('a: 192.0.2.1'));
  });

  it('lets names of which nothing is known take one place, and those that were slow another', () => {
    const { lookup, asked, answer } = scripted();
    const fair = createFairLookup(lookup);
    ask(fair, 'dead-1', 'dead-2', 'new');
    for (const name of ['dead-1', 'dead-2']) {
      expect(asked.splice(0)).toEqual([name]);
      jest.advanceTimersByTime(2_000);
      answer(name, failure('EAI_AGAIN'), []);
    }
    expect(asked.splice(0)).toEqual(['new']);
    answer('new', null, [ADDRESS]);
    ask(fair, 'dead-1', 'dead-2', 'newer', 'newest');
    expect(asked).toEqual(['dead-1', 'newer']);
    expect(told).toEqual(['dead-1: EAI_AGAIN', 'dead-2: EAI_AGAIN', 'new: 192.0.2.1']);
  });

  it('lets no name wait for dead ones that nobody waits for any more, however many', () => {
    const { lookup, asked, answer } = scripted();
    const fair = createFairLookup(lookup);
    const dead = Array.from({ length: 100 }, (_, index) => `dead-${index}`);
    ask(fair, ...dead);
    jest.advanceTimersByTime(6000);
    // What connected for the first try of a delivery has given up; here is the second.
    ask(fair, 'new', 'dead-7');
    jest.advanceTimersByTime(4000);
    expect(asked.splice(0)).toEqual(['dead-0']);
    answer('dead-0', failure('EAI_AGAIN'), []);
    // Those before it nobody wants any more.
    expect(asked.splice(0)).toEqual(['dead-7']);
    expect(told.splice(0)).toEqual(dead.slice(0, 7).map((name) => `${name}: EAI_AGAIN`));
    jest.advanceTimersByTime(500);
    answer('dead-7', failure('ENOTFOUND'), []);
    expect(asked).toEqual(['new']);
    answer('new', null, [ADDRESS]);
    expect(told).toEqual([
      'dead-7: ENOTFOUND',
      'dead-7: ENOTFOUND',
      ...dead.slice(8).map((name) => `${name}: EAI_AGAIN`),
      'new: 192.0.2.1',
    ]);
  });

  it('never lets a name wait that was quick', () => {
    const { lookup, asked, answer } = scripted();
    const fair = createFairLookup(lookup);
    ask(fair, 'good');
    answer('good', null, [ADDRESS]);
    ask(fair, 'dead-1', 'dead-2', 'dead-3', 'good');
    expect(asked).toEqual(['good', 'dead-1', 'good']);
  });

  it('falls back on what a name resolved to last where it is slow all of a sudden, or the DNS does not answer', () => {
    const { lookup, answer } = scripted();
    const fair = createFairLookup(lookup);
    ask(fair, 'good');
    answer('good', null, [ADDRESS]);
    ask(fair, 'good');
    jest.advanceTimersByTime(1000);
    expect(told).toEqual(['good: 192.0.2.1', 'good: 192.0.2.1']);
    answer('good', failure('EAI_AGAIN'), []);
    expect(told).toHaveLength(2);
    ask(fair, 'good');
    answer('good', failure('EAI_AGAIN'), []);
    ask(fair, 'good');
    answer('good', failure('ENOTFOUND'), []);
    expect(told.slice(2)).toEqual(['good: 192.0.2.1', 'good: ENOTFOUND']);
  });

  it('forgets a name after some minutes, and takes a lookup that throws', () => {
    const { lookup, answer } = scripted();
    const fair = createFairLookup((hostname, options, callback) => {
      if (hostname === '') throw failure('ERR_INVALID_ARG_VALUE');
      lookup(hostname, options, callback);
    });
    ask(fair, 'good');
    answer('good', null, [ADDRESS]);
    jest.advanceTimersByTime(1_300_000);
    ask(fair, 'good', '');
    answer('good', failure('EAI_AGAIN'), []);
    expect(told).toEqual(['good: 192.0.2.1', 'good: EAI_AGAIN', ': ERR_INVALID_ARG_VALUE']);
  });
});
