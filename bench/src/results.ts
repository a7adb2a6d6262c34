/** What a run leaves for machines. */
import { z } from 'zod';
import type { Environment } from './environment.js';
import type { Report } from './report.js';

/** As it is written; `details` and titles are for readers of the file. */
export interface Results {
  readonly startedAt: Date;
  /** Whether it was a smoke run, whose numbers mean nothing. */
  readonly quick: boolean;
  readonly machine: Environment;
  /** Whether all bars are met. */
  readonly passed: boolean;
  readonly reports: readonly Report[];
}

const limit = z.union([
  z.strictObject({ atMost: z.number() }),
  z.strictObject({ atLeast: z.number() }),
  z.strictObject({ below: z.number() }),
]);

const figure = z.object({
  key: z.string(),
  label: z.string(),
  unit: z.string(),
  asyncmcp: z.number(),
  byHand: z.number().exactOptional(),
  bar: z.object({ on: z.enum(['ratio', 'value']), limit }).exactOptional(),
});

const section = z.object({
  key: z.string(),
  title: z.string(),
  columns: z.tuple([z.string(), z.string()]).exactOptional(),
  figures: z.array(figure),
  notes: z.array(z.string()),
  details: z.unknown().exactOptional(),
});

const results = z.object({
  startedAt: z.coerce.date(),
  quick: z.boolean(),
  machine: z.object({
    node: z.string(),
    platform: z.string(),
    cpu: z.string(),
    cores: z.number(),
    memoryGiB: z.number(),
    load: z.number(),
  }),
  passed: z.boolean(),
  reports: z.array(z.object({ transport: z.string(), sections: z.array(section) })),
});

/** @throws Error if it is not what {@link writeResults} makes */
export function readResults(text: string): Results {
  return results.parse(JSON.parse(text));
}

export function writeResults(from: Results): string {
  return `${JSON.stringify(from, null, 2)}\n`;
}
