import { describe, expect, it } from '@jest/globals';
import { createStyle } from '@asyncmcp/demo-client';
import { overviewLines } from '../src/overview.js';
import { TRANSPORTS } from '../src/transports.js';

describe('overview', () => {
  it('has a line for each transport, that fits a terminal', () => {
    const totals = { steps: 13, messages: 999, bytes: 12_345 };
    const runs = TRANSPORTS.map((transport) => ({ transport, totals, elapsedMs: 99_900 }));
    const lines = overviewLines(runs, createStyle(false));
    expect(lines).toHaveLength(TRANSPORTS.length);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    expect(lines[0]).toBe('  ✓ sqs                queue → server → queue       13 steps 999 messages 99.9 s');
  });

  it('says which one failed', () => {
    const [transport] = TRANSPORTS;
    const runs = transport === undefined ? [] : [{ transport, totals: undefined, elapsedMs: 1000 }];
    expect(overviewLines(runs, createStyle(false))).toEqual([
      '  ✗ sqs                queue → server → queue       failed                 1.0 s',
    ]);
  });
});
