import { createDice } from './dice.js';

/** Something that goes wrong at a certain time. */
export interface ScheduledFault<Kind extends string> {
  /** Milliseconds from the start. */
  readonly atMs: number;
  readonly kind: Kind;
  /** What else there is to decide, a number from 0 to 999. */
  readonly strength: number;
}

/** How far two faults are apart, in milliseconds. */
const GAP_MS = { least: 50, most: 600 };

/** All that goes wrong in a run, and when: the same for the same seed. */
export function createSchedule<Kind extends string>(
  seed: number,
  durationMs: number,
  kinds: readonly Kind[],
): readonly ScheduledFault<Kind>[] {
  const dice = createDice(seed);
  const schedule: ScheduledFault<Kind>[] = [];
  for (let atMs = dice.between(GAP_MS.least, GAP_MS.most); atMs < durationMs;) {
    schedule.push({ atMs, kind: dice.pick(kinds), strength: dice.between(0, 999) });
    atMs += dice.between(GAP_MS.least, GAP_MS.most);
  }
  return schedule;
}
