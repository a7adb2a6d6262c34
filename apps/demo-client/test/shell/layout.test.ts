import { describe, expect, it } from '@jest/globals';
import { AsyncMcpError } from '@asyncmcp/core';
import { ErrorCode, McpError } from '@modelcontextprotocol/sdk/types.js';
import { reasonOf } from '../../src/shell/failure.js';
import { age, cut, elapsed, hang, inColumns, labelled, pad, widthOf, wrap } from '../../src/shell/layout.js';
import { inOneLine, printable } from '../../src/shell/printable.js';

describe('layout', () => {
  it('knows how wide a text is', () => {
    expect(widthOf('\u001b[1mbold\u001b[22m')).toBe(4);
    expect(widthOf('日本')).toBe(4);
    expect(widthOf('👩‍👩‍👧 ok')).toBe(5);
  });

  it('cuts between characters', () => {
    expect(cut('asyncmcp', 8)).toBe('asyncmcp');
    expect(cut('asyncmcp!', 8)).toBe('asyncmc…');
    expect(cut('日本語日本語', 8)).toBe('日本語…');
    expect(cut('👩‍👩‍👧👩‍👩‍👧', 3)).toBe('👩‍👩‍👧…');
    expect(pad('日', 4)).toBe('日  ');
  });

  it('breaks lines at spaces, and no words', () => {
    expect(wrap('one two three', 7)).toEqual(['one two', 'three']);
    expect(wrap('see https://example.com/a/long/path here', 10)).toEqual([
      'see',
      'https://example.com/a/long/path',
      'here',
    ]);
    expect(wrap('  in one\n\nend', 6)).toEqual(['  in', '  one', '', 'end']);
  });

  it('keeps text beside its label', () => {
    expect(labelled('url  ', 'An absolute http or https URL.', 26)).toEqual([
      'url  An absolute http or',
      '     https URL.',
    ]);
  });

  it('lets the rest of a line hang', () => {
    expect(hang('✗ it failed for this reason', 12)).toEqual(['✗ it failed', '  for this', '  reason']);
    expect(hang('  short', 12)).toEqual(['  short']);
    expect(hang('https://example.com/', 12)).toEqual(['https://example.com/']);
  });

  it('fills columns', () => {
    expect(inColumns(['a', 'bbb', 'cc'], 11)).toEqual(['a    bbb', 'cc']);
    expect(inColumns(['too long for it', 'b'], 5)).toEqual(['too long for it', 'b']);
  });

  it.each([
    [3.2, '3 ms', '0 s'],
    [999.6, '1.0 s', '1 s'],
    [12_345, '12 s', '12 s'],
    [125_000, '2 min 5 s', '2 min 5 s'],
    [7_500_000, '2 h 5 min', '2 h 5 min'],
  ])('says how long %d ms are', (ms, long, old) => {
    expect([elapsed(ms), age(ms)]).toEqual([long, old]);
  });
});

describe('what is printed of others', () => {
  it('cannot move the cursor', () => {
    expect(printable('a\u001b[2J\u001b]0;title\u0007b\r\n\tc\u009b1m\u202e\b')).toBe('ab\n  c');
    expect(inOneLine(' a\n b\u0000 ')).toBe('a b');
  });
});

describe('failure', () => {
  it.each<[unknown, string]>([
    [new AsyncMcpError('ERR_UNAVAILABLE', 'Not there;\nis it running?'), 'ERR_UNAVAILABLE: Not there; is it running?'],
    [new McpError(ErrorCode.InvalidParams, 'Tool x not found'), 'error -32602: Tool x not found'],
    [new McpError(-32001, 'Gone', { code: 'ERR_SESSION_NOT_FOUND' }), 'ERR_SESSION_NOT_FOUND: Gone'],
    [Object.assign(new AggregateError([], ''), { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
    [
      Object.assign(new Error('connect ECONNREFUSED 1.2.3.4'), { code: 'ECONNREFUSED' }),
      'connect ECONNREFUSED 1.2.3.4',
    ],
    [new McpError(-32001, 'Request timed out', { timeout: 1500 }), 'no answer within 1.5 s; does a server run there?'],
    [new TypeError(''), 'TypeError'],
    ['thrown', 'thrown'],
  ])('is one line', (error, line) => {
    expect(reasonOf(error)).toBe(line);
  });
});
