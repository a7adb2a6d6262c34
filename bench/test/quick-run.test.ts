import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';

interface Figure {
  readonly label: string;
  readonly asyncmcp: number;
}

const run = promisify(execFile);
const MAIN = join(import.meta.dirname, '..', 'dist', 'main.js');

// Its times mean nothing, above all on a busy machine; that everything runs, and what it counts, does.
it('a quick run measures every section and writes it down', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'asyncmcp-bench-'));
  try {
    const file = join(directory, 'results.json');
    const { stdout } = await run(process.execPath, [MAIN, 'sqs', '--quick', '--json', file]);
    expect(stdout).toMatch(/latency, median/);
    const results: unknown = JSON.parse(await readFile(file, 'utf8'));
    expect(results).toMatchObject({ quick: true, reports: [{ transport: 'sqs' }] });
    const { reports } = results as { reports: { sections: { figures: Figure[] }[] }[] };
    const figures = reports.flatMap(({ sections }) => sections).flatMap((section) => section.figures);
    const figure = (label: string): number => figures.find((one) => one.label === label)?.asyncmcp ?? Number.NaN;
    expect(figure('AWS API calls per call, both sides')).toBeLessThanOrEqual(1);
    expect(figure('API calls in 1 s beyond one poll')).toBe(0);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}, 120_000);
