import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { fillBlocks } from '../src/figures/blocks.js';
import { THEMES, throughputChart } from '../src/figures/chart.js';
import { documentation } from '../src/figures/documentation.js';
import { barsTable, machineText, summaryTable, transportTables } from '../src/figures/markdown.js';
import { readResults, writeResults } from '../src/results.js';
import type { Figure, Section } from '../src/report.js';
import type { Results } from '../src/results.js';

const ROOT = new URL('../../', import.meta.url);

const figure = (key: string, asyncmcp: number, byHand: number): Figure => {
  return { key, label: key, unit: '', asyncmcp, byHand };
};

const sections = (prefix: string): Section[] => [
  {
    key: `${prefix}one-at-a-time`,
    title: 'One call at a time: 18 rounds of 200 calls, 3 × started anew',
    figures: [
      { ...figure('latency-p50', 1.5, 1.25), unit: 'ms', bar: { on: 'ratio', limit: { atMost: 1.15 } } },
      figure('requests', 6, 6),
      { ...figure('dollars', 2.4, 2.4), unit: '$' },
    ],
    notes: ['a note'],
  },
  {
    key: `${prefix}many-in-flight`,
    title: '200 calls in flight',
    figures: [
      { ...figure('throughput', 4000, 5000), unit: '/s', bar: { on: 'ratio', limit: { atLeast: 0.8 } } },
      { ...figure('requests', 0.6, 0.6), bar: { on: 'value', limit: { atMost: 1 } } },
    ],
    notes: [],
  },
  {
    key: `${prefix}loads`,
    title: 'From one call in flight to many',
    figures: [figure('throughput-1', 90, 100), figure('latency-p50-1', 9, 9), figure('throughput-16', 37, 100)],
    notes: [],
  },
  { key: 'memory', title: 'Memory', figures: [figure('heap-10000', 28.5, 25)], notes: [] },
];

const RESULTS: Results = {
  startedAt: new Date('2026-11-23T12:00:00Z'),
  quick: false,
  machine: { node: 'v20.20.2', platform: 'linux x64', cpu: 'AMD EPYC', cores: 2, memoryGiB: 24, load: 0.1 },
  passed: false,
  reports: [
    ...['sqs', 'sns-sqs', 'webhook'].map((transport) => ({ transport, sections: sections('') })),
    { transport: 'streamable-webhook', sections: [...sections('connection-'), ...sections('webhook-')] },
  ],
};

describe('tables', () => {
  it('say when, on what, and how busy it was', () => {
    expect(machineText(RESULTS)).toBe(
      'Measured on 2026-11-23 with Node 20.20.2 (linux x64) on 2 cores of an AMD EPYC with 24 GiB; load before it: 0.10.',
    );
  });

  it('judge every figure that has a bar, and no other', () => {
    const rows = barsTable(RESULTS).split('\n').slice(2);
    expect(rows).toHaveLength(5 * 3);
    expect(rows.slice(0, 3)).toEqual([
      '| `sqs` | One call at a time: latency-p50 | 1.20 × | ≤ 1.15 × | **missed** |',
      '| `sqs` | 200 calls in flight: throughput | 0.80 × | ≥ 0.8 × | met |',
      '| `sqs` | 200 calls in flight: requests | 0.60 | ≤ 1 | met |',
    ]);
  });

  it('have ratios first, both values second, notes below', () => {
    const [report] = RESULTS.reports;
    if (report === undefined) throw new Error('no report');
    expect(transportTables(report).split('\n').slice(0, 7)).toEqual([
      '| **One call at a time: 18 rounds of 200 calls, 3 × started anew** | ratio | this project | by hand | bar |',
      '| --- | ---: | ---: | ---: | ---: |',
      '| latency-p50 | 1.20 × | 1.50 ms | 1.25 ms | ≤ 1.15 × |',
      '| requests | 1.00 × | 6 | 6 |  |',
      '| dollars | 1.00 × | 2.40 $ | 2.40 $ |  |',
      '',
      '- a note',
    ]);
  });

  it('sum up each way in a line', () => {
    const rows = summaryTable(RESULTS).split('\n').slice(2);
    expect(rows).toHaveLength(5);
    expect(rows[0]).toBe('| SQS | 1.20 × (1.50 ms) | 0.80 × (4,000 /s) | 6 / 0.60 | 2.40 / 0.00 | 28.50 KiB |');
  });

  it('want the results of all transports', () => {
    expect(() => summaryTable({ ...RESULTS, reports: RESULTS.reports.slice(0, 2) })).toThrow('run the whole benchmark');
  });
});

describe('the chart', () => {
  it.each(['light', 'dark'] as const)('shows the ratios in colours of a %s page', async (theme) => {
    const svg = await throughputChart(RESULTS, THEMES[theme]);
    expect(svg).toMatch(/^<svg /);
    expect(svg).toContain(THEMES[theme].background);
    for (const text of ['SNS+SQS', 'Streamable HTTP', 'by webhook', '0.90', '0.37']) expect(svg).toContain(`>${text}<`);
    // Only throughputs are drawn.
    expect(svg).not.toContain('>1.00<');
  });
});

describe('blocks', () => {
  const start = '<!-- figures: a -->';

  it('are replaced, and nothing else is', () => {
    const markdown = `before\n${start}\nold\n<!-- /figures -->\nafter\n`;
    const filled = `before\n${start}\n\nnew\n\n<!-- /figures -->\nafter\n`;
    expect(fillBlocks(markdown, { a: 'new' })).toBe(filled);
    expect(fillBlocks(filled, { a: 'new' })).toBe(filled);
  });

  it('must have figures, and an end', () => {
    expect(() => fillBlocks(`${start}\n<!-- /figures -->`, { b: '' })).toThrow('no figures "a"; there are: b');
    expect(() => fillBlocks(`${start}\n<!-- figures: b -->`, { a: '' })).toThrow('do not end');
  });
});

describe('results', () => {
  it('are read as they were written', () => {
    expect(readResults(writeResults(RESULTS))).toEqual(RESULTS);
  });

  it('are refused when a figure is none', () => {
    expect(() => readResults(writeResults(RESULTS).replace('"asyncmcp": 4000', '"asyncmcp": null'))).toThrow(
      'expected number',
    );
  });
});

it('the documentation has the figures of the results that are kept', async () => {
  const kept = await readFile(new URL('docs/performance.json', ROOT), 'utf8');
  for (const [path, text] of Object.entries(await documentation(readResults(kept), ROOT))) {
    expect({ path, text }).toEqual({ path, text: await readFile(fileURLToPath(new URL(path, ROOT)), 'utf8') });
  }
});
