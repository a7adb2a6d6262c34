import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createSchedule } from '../src/schedule.js';

const kinds = ['kill', 'pause', 'lose'];

it('is the same for the same seed, in order, and within the time', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1_000_000 }), fc.integer({ min: 0, max: 60_000 }), (seed, durationMs) => {
      const schedule = createSchedule(seed, durationMs, kinds);
      expect(createSchedule(seed, durationMs, kinds)).toEqual(schedule);
      const times = schedule.map(({ atMs }) => atMs);
      expect(times).toEqual(times.toSorted((one, other) => one - other));
      expect(times.every((time) => time < durationMs)).toBe(true);
      expect(schedule.every(({ kind }) => kinds.includes(kind))).toBe(true);
    }),
  );
});

it('is another for another seed', () => {
  expect(createSchedule(1, 60_000, kinds)).not.toEqual(createSchedule(2, 60_000, kinds));
});
