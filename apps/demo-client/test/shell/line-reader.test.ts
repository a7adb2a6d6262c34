import { PassThrough } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { LineReader } from '../../src/shell/line-reader.js';
import { Paper } from './support.js';

const NEVER = new AbortController().signal;

describe('line reader', () => {
  it('reads lines when they are wanted, and shows them', async () => {
    const [input, output] = [new PassThrough(), new Paper()];
    const reader = new LineReader({ input, output, echoes: true });
    input.end('init\r\ncall introduce\nAda');
    expect(await reader.read()).toBe('init');
    reader.print(['connected']);
    expect(await reader.read()).toBe('call introduce');
    expect(await reader.ask('Name', NEVER)).toBe('Ada');
    expect(await reader.read()).toBeUndefined();
    expect(await reader.ask('Name', NEVER)).toBeUndefined();
    expect(output.lines).toEqual(['> init', 'connected', '> call introduce', 'Name> Ada']);
    reader.close();
  });

  it('only prompts where somebody types', async () => {
    const [input, output] = [new PassThrough(), new Paper()];
    const reader = new LineReader({ input, output, echoes: false });
    input.write('init\n');
    expect(await reader.read()).toBe('init');
    expect(output.text).toBe('> ');
    reader.close();
    expect(await reader.read()).toBeUndefined();
  });

  it('keeps the line that was meant for a question which was withdrawn', async () => {
    const [input, output] = [new PassThrough(), new Paper()];
    const reader = new LineReader({ input, output, echoes: true });
    const withdraw = new AbortController();
    const answer = reader.ask('Name', withdraw.signal);
    withdraw.abort();
    expect(await answer).toBeUndefined();
    input.write('tools\n');
    expect(await reader.read()).toBe('tools');
    const last = reader.read();
    reader.close();
    expect(await last).toBeUndefined();
  });
});
