import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';

interface Results {
  readonly quick: boolean;
  readonly reports: readonly Report[];
}

interface Report {
  readonly transport: string;
  readonly sections: readonly { readonly key: string; readonly figures: readonly Figure[] }[];
}

interface Figure {
  readonly key: string;
  readonly label: string;
  readonly asyncmcp: number;
  readonly byHand?: number;
}

const run = promisify(execFile);
const MAIN = join(import.meta.dirname, '..', 'dist', 'main.js');

// Its times mean nothing, above all on a busy machine; that everything runs, and what it counts, does.
it('a quick run measures every section of every transport and writes it down', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'asyncmcp-bench-'));
  try {
    const file = join(directory, 'results.json');
    const { stdout } = await run(process.execPath, [MAIN, '--quick', '--json', file]);
    expect(stdout).toMatch(/latency, median/);
    const { quick, reports } = JSON.parse(await readFile(file, 'utf8')) as Results;
    expect(quick).toBe(true);
    const [sqs, snsSqs, webhook, streamable] = reports;
    expect(reports.map(({ transport }) => transport)).toEqual(['sqs', 'sns-sqs', 'webhook', 'streamable-webhook']);
    for (const report of [sqs, snsSqs]) {
      const { asyncmcp, byHand } = sectionFigures(report, 'many-in-flight').find(({ key }) => key === 'requests') ?? {};
      expect(asyncmcp).toBeLessThanOrEqual(1);
      // Sent, received and deleted, twice, ten at a time: whatever is not counted is missing from it.
      expect(byHand).toBeGreaterThanOrEqual(0.6);
    }
    expect(figure(sqs, 'API calls in 1 s beyond the one long poll')).toMatchObject({ asyncmcp: 0 });
    for (const [report, key] of [
      [sqs, 'loads'],
      [snsSqs, 'loads'],
      [webhook, 'loads'],
      [streamable, 'connection-loads'],
      [streamable, 'webhook-loads'],
    ] as const) {
      const throughputs = sectionFigures(report, key).filter((one) => one.key.startsWith('throughput-'));
      expect(throughputs.map((one) => one.key)).toEqual([1, 16, 64, 256].map((inFlight) => `throughput-${inFlight}`));
      for (const { asyncmcp, byHand = 0 } of throughputs) expect(Math.min(asyncmcp, byHand)).toBeGreaterThan(0);
    }
    for (const report of reports) {
      // It takes two messages to open a session and two for a call, with as many sessions and calls as one likes.
      for (const [key, most] of [
        ['opening-requests', 6],
        ['call-requests', 2],
      ] as const) {
        const grown = sectionFigures(report, 'growth-sessions').find((one) => one.key === key);
        expect(grown?.asyncmcp).toBeGreaterThan(0.5);
        expect(grown?.asyncmcp).toBeLessThanOrEqual(most);
      }
      expect(sectionFigures(report, 'growth-calls').map((one) => one.key)).toContain('heap');
      expect(sectionFigures(report, 'memory')).toHaveLength(3);
    }
    expect(sectionFigures(sqs, 'one-at-a-time').find(({ key }) => key === 'dollars')?.asyncmcp).toBeCloseTo(2.4, 1);
    expect(sectionFigures(snsSqs, 'one-at-a-time').find(({ key }) => key === 'dollars')?.asyncmcp).toBeCloseTo(2.6, 1);
    // The same two POSTs: that is what makes the throughputs comparable.
    expect(figure(webhook, 'HTTP requests per call, both sides')).toMatchObject({ asyncmcp: 2, byHand: 2 });
    expect(figure(webhook, 'throughput, SDK alone : by hand').asyncmcp).toBeGreaterThan(0);
    expect(figure(webhook, 'throughput, asyncmcp : SDK alone').asyncmcp).toBeGreaterThan(0);
    expect(figure(webhook, 'throughput, signed : unsigned').asyncmcp).toBeGreaterThan(0);
    expect(figure(webhook, 'open sockets of the server')).toMatchObject({ asyncmcp: 0 });
    // Over the connection it is one request, by webhook two.
    const perCall = (way: string): unknown =>
      sectionFigures(streamable, `${way}-many-in-flight`).find(({ key }) => key === 'requests');
    expect(perCall('connection')).toMatchObject({ asyncmcp: 1, byHand: 1 });
    expect(perCall('webhook')).toMatchObject({ asyncmcp: 2, byHand: 2 });
    expect(figure(streamable, 'open sockets of the server for them')).toMatchObject({ asyncmcp: 0 });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}, 480_000);

function figure(report: Report | undefined, label: string): Partial<Figure> {
  return figures(report).find((one) => one.label === label) ?? {};
}

function sectionFigures(report: Report | undefined, section: string): readonly Figure[] {
  return report?.sections.find(({ key }) => key === section)?.figures ?? [];
}

function figures(report: Report | undefined): readonly Figure[] {
  return report?.sections.flatMap((section) => section.figures) ?? [];
}
