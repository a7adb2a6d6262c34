import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { failureLines, fit, noteLines, stepLine, summaryLine, traceLine } from '../src/report.js';
import { createStyle, isColored } from '../src/style.js';

const plain = createStyle(false);
const long = 'word '.repeat(40);

describe('report', () => {
  it('shows a step and what travelled', () => {
    expect(stepLine('quick tool', 'greet "Ada" → "Hello, Ada!"', 9.4, plain)).toBe(
      '  ✓ quick tool      greet "Ada" → "Hello, Ada!"                             9 ms',
    );
    const sent = { kind: 'sent', channel: 'demo-requests', what: 'tools/call greet #2', bytes: 412, at: 105 } as const;
    expect(traceLine(sent, 100, plain)).toBe(
      '      → demo-requests            tools/call greet #2            412 B     +5 ms',
    );
    expect(traceLine({ ...sent, refused: true }, 100, plain)).toContain('refused');
  });

  it('shows how requests were answered', () => {
    const sent = {
      kind: 'sent',
      channel: 'POST /mcp/request',
      what: 'tools/call greet #2',
      bytes: 412,
      at: 105,
    } as const;
    const answer = { status: 202, elapsedMs: 3.4 };
    expect(traceLine({ ...sent, answer }, 100, plain)).toBe(
      '      → POST /mcp/request    202 tools/call greet #2             3 ms     +5 ms',
    );
    const stream = { ...answer, status: 200, type: 'text/event-stream; charset=utf-8' };
    expect(traceLine({ ...sent, channel: 'stock: POST /mcp', answer: stream }, 100, plain)).toBe(
      '      → stock: POST /mcp SSE 200 tools/call greet #2             3 ms     +5 ms',
    );
    const unreachable = { status: undefined, elapsedMs: 43_200_000 };
    expect(traceLine({ ...sent, answer: unreachable, refused: true }, 100, plain)).toBe(
      '      → POST /mcp/request      – tools/call greet #2          43200 s     +5 ms',
    );
    expect(traceLine({ ...sent, answer: 'awaited' }, 100, plain)).toBe(
      '      → POST /mcp/request      – tools/call greet #2                      +5 ms',
    );
  });

  it('keeps every line within 80 columns, coloured or not', () => {
    const entry = { kind: 'received', channel: long, what: long, bytes: 1_048_576, at: 43_200_000 } as const;
    const summary = {
      checked: 6,
      of: 7,
      failed: 'cancelled call',
      trace: { messages: 99, bytes: 99_900 },
      elapsedMs: 99_000,
    };
    for (const style of [plain, createStyle(true)]) {
      const lines = [
        stepLine(long, long, 99_999, style),
        traceLine(entry, 0, style),
        traceLine({ ...entry, answer: { status: 503, elapsedMs: 9999 } }, 0, style),
        summaryLine(summary, style),
        ...failureLines('quick tool', long, 12, style),
        ...noteLines(long),
      ];
      expect(lines.filter((line) => stripVTControlCharacters(line).length > 80)).toEqual([]);
    }
  });

  it('says how far it came', () => {
    const trace = { messages: 1, bytes: 650 };
    expect(summaryLine({ checked: 7, of: 7, failed: undefined, trace, elapsedMs: 1234 }, plain)).toBe(
      '  ✓ 7 of 7 steps checked: 1 message, 0.7 kB, 1.2 s',
    );
    expect(summaryLine({ checked: 2, of: 7, failed: 'quick tool', trace, elapsedMs: 10 }, plain)).toBe(
      '  ✗ 2 of 7 steps checked, "quick tool" failed: 1 message, 0.7 kB, 0.0 s',
    );
  });

  it('cuts what is too long', () => {
    expect(fit('asyncmcp-response-1f3a', 10)).toBe('asyncmcp-…');
    expect(fit('short', 10)).toBe('short     ');
  });
});

describe('style', () => {
  it('is for terminals, unless nobody wants it', () => {
    expect(isColored({ isTTY: true }, {})).toBe(true);
    expect(isColored({ isTTY: false }, {})).toBe(false);
    expect(isColored({ isTTY: true }, { NO_COLOR: '1' })).toBe(false);
    expect(isColored({ isTTY: true }, { NO_COLOR: '' })).toBe(true);
    expect(isColored({ isTTY: true }, { TERM: 'dumb' })).toBe(false);
  });
});
