import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { TransientMap } from '../src/transient-map.js';
import { TransientSet } from '../src/transient-set.js';
import type { Place } from '../src/transient-set.js';

/** Few enough that they meet, and what an object has a meaning of its own for. */
const keys = fc.oneof(
  fc.constantFrom<string | number>('', '0', '1', '#1', '"', '"#1', '##1', '__proto__', 'constructor', 'toString', 'a'),
  fc.constantFrom<string | number>(0, -0, 1, -1, 1.5, 2 ** 32 - 2, 2 ** 32 - 1, 2 ** 32, 1e21, Number.NaN),
);

describe('TransientMap', () => {
  it('does what a Map does', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom('set', 'delete', 'clear', 'set'), keys, fc.nat())), (steps) => {
        const [map, model] = [new TransientMap<string | number, number>(), new Map<string | number, number>()];
        const removed: [boolean, boolean][] = [];
        for (const [step, key, value] of steps) {
          if (step === 'delete') removed.push([map.delete(key), model.delete(key)]);
          else if (step === 'clear') for (const each of [map, model]) each.clear();
          else for (const each of [map, model]) each.set(key, value);
          expect(map.size).toBe(model.size);
          expect(map.get(key)).toBe(model.get(key));
          expect(map.has(key)).toBe(model.has(key));
          expect(map.values()).toEqual([...model.values()]);
        }
        for (const [byMap, byModel] of removed) expect(byMap).toBe(byModel);
      }),
    );
  });

  it('has the values in the order in which their keys came', () => {
    const map = new TransientMap<string | number, string>();
    for (const key of ['b', 2, 'a', 1]) map.set(key, `of ${key}`);
    map.set('b', 'later');
    expect(map.values()).toEqual(['later', 'of 2', 'of a', 'of 1']);
  });
});

describe('TransientMap, as entries come and go for long', () => {
  it('keeps those that are in it, in order', () => {
    const map = new TransientMap<number, number>();
    for (let next = 0; next < 10_000; next++) {
      map.set(next, -next);
      if (next >= 3 && next !== 1003) map.delete(next - 3);
      // One stays for good.
      expect(map.has(1000)).toBe(next >= 1000);
    }
    expect(map.values()).toEqual([-1000, -9997, -9998, -9999]);
    expect(map.size).toBe(4);
  });
});

describe('TransientSet', () => {
  it('has what was added and not removed, in that order', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat({ max: 20 }), { nil: undefined })), (steps) => {
        const set = new TransientSet<number>();
        const places: Place<number>[] = [];
        const model = new Set<number>();
        const removed: [boolean, boolean][] = [];
        for (const index of steps) {
          if (index === undefined) {
            model.add(places.length);
            places.push(set.add(places.length));
          } else {
            const place = places[index];
            if (place !== undefined) removed.push([set.delete(place), model.delete(index)]);
          }
          expect(set.size).toBe(model.size);
          expect(set.values()).toEqual([...model]);
        }
        for (const [bySet, byModel] of removed) expect(bySet).toBe(byModel);
      }),
    );
  });

  it('is empty when it was cleared, and takes what comes then', () => {
    const set = new TransientSet<string>();
    const [place] = [set.add('a'), set.add('b')];
    set.clear();
    expect([set.size, set.values(), set.delete(place)]).toEqual([0, [], false]);
    set.add('c');
    expect([set.size, set.values()]).toEqual([1, ['c']]);
  });

  it('keeps no place beside another', () => {
    const set = new TransientSet<string>();
    const [first, second, third] = [set.add('a'), set.add('b'), set.add('c')];
    set.delete(second);
    expect(second).toEqual({ value: 'b', previous: undefined, next: undefined });
    expect([first.next, third.previous]).toEqual([third, first]);
  });
});
