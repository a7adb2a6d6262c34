import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';
import type { Summary } from '../src/summary.js';

const run = promisify(execFile);
const MAIN = join(import.meta.dirname, '..', 'dist', 'main.js');

/** A quarter of a minute of faults each. Long calls, and those that have to be sent again, take some more. */
it('fifteen seconds on the rack, each transport: nothing is lost, and nothing is answered twice', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'asyncmcp-torture-'));
  try {
    const file = join(directory, 'summaries.json');
    const { stdout } = await run(process.execPath, [
      '--expose-gc',
      MAIN,
      '--minutes',
      '0.25',
      '--seed',
      '26',
      '--json',
      file,
    ]);
    expect(stdout.match(/HELD/g)).toHaveLength(4);
    const summaries = JSON.parse(await readFile(file, 'utf8')) as Summary[];
    expect(summaries.map(({ transport }) => transport)).toEqual(['sqs', 'sns-sqs', 'webhook', 'streamable-webhook']);
    for (const { calls, results, faults, ranTwice, memory } of summaries) {
      // That it was a torture: this seed has every kind of fault, the last of them at the very end, and calls went on all the same.
      expect(calls).toBeGreaterThan(200);
      expect(results).toBeGreaterThan(calls * 0.8);
      expect(Object.keys(faults).length).toBeGreaterThanOrEqual(10);
      expect(faults['server killed']).toBeGreaterThan(1);
      expect(ranTwice).toBeLessThan(calls / 5);
      expect(memory.callers[1]).toBeLessThan(memory.callers[0] + 100);
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}, 400_000);
