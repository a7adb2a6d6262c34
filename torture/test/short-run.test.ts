import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { isHeld } from '../src/summary.js';
import type { Summary } from '../src/summary.js';

const run = promisify(execFile);
const MAIN = join(import.meta.dirname, '..', 'dist', 'main.js');

/** How much a heap may grow in so short a run, in MiB. */
const MAX_GROWTH = 25;

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'asyncmcp-torture-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** What it printed, whether the run was held or not. */
async function rack(transports: readonly string[], seed: number, file: string): Promise<string> {
  const args = [MAIN, ...transports, '--minutes', '0.25', '--seed', String(seed), '--json', file];
  const { stdout } = await run(process.execPath, args).catch((error: unknown) => error as { stdout: string });
  return stdout;
}

/** A minute of faults. Long calls, those that have to be sent again, and late second answers take some more: two at once. */
it('fifteen seconds on the rack, each transport: nothing is lost, answered twice, or run again without a cause', async () => {
  const runs = [
    { transports: ['sqs', 'sns-sqs'], seed: 8, file: join(directory, 'aws.json') },
    { transports: ['webhook', 'streamable-webhook'], seed: 45, file: join(directory, 'http.json') },
  ];
  const printed = await Promise.all(runs.map(({ transports, seed, file }) => rack(transports, seed, file)));
  for (const text of printed) expect(text).not.toContain('BROKEN');
  for (const { transports, file } of runs) {
    const summaries = JSON.parse(await readFile(file, 'utf8')) as Summary[];
    expect(summaries.map(({ transport }) => transport)).toEqual(transports);
    expect(summaries.every(isHeld)).toBe(true);
    for (const { calls, results, abandoned, faults, memory } of summaries) {
      // That it was a torture: faults of all sorts happened, and calls went on all the same.
      expect(calls).toBeGreaterThan(60);
      expect(results).toBeGreaterThan((calls - abandoned) * 0.8);
      expect(Object.values(faults).filter((times) => times > 0).length).toBeGreaterThanOrEqual(8);
      expect((faults['server killed'] ?? 0) + (faults['server told to end'] ?? 0)).toBeGreaterThan(0);
      expect(faults['client killed'] ?? 0).toBeGreaterThan(0);
      for (const [before, after] of [memory.callers, memory.server]) {
        expect(before).toBeGreaterThan(0);
        expect(after).toBeLessThan(before + MAX_GROWTH);
      }
    }
  }
}, 400_000);
