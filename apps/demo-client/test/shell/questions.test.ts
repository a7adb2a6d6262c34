import { describe, expect, it } from '@jest/globals';
import { Questions } from '../../src/shell/questions.js';
import { createStyle } from '../../src/style.js';
import type { ElicitRequestFormParams, ElicitResult } from '@modelcontextprotocol/sdk/types.js';
import type { Terminal } from '../../src/shell/terminal.js';

const NEVER = new AbortController().signal;

const form: ElicitRequestFormParams = {
  mode: 'form',
  message: 'Who are you?\u001b[2J',
  requestedSchema: {
    type: 'object',
    properties: {
      age: { type: 'integer', title: 'Age', minimum: 1 },
      name: { type: 'string', title: 'Name', minLength: 2 },
      color: { type: 'string', enum: ['red', 'blue'], default: 'blue' },
      tea: { type: 'boolean' },
    },
    required: ['name'],
  },
};

describe('questions', () => {
  /** Somebody who gives these answers, in turn. */
  function ask(
    answers: readonly (string | undefined)[],
    { params = form, isInteractive = true } = {},
  ): { result: Promise<ElicitResult>; labels: string[]; printed: string[]; open: boolean[] } {
    const [labels, printed, open] = [[] as string[], [] as string[], [] as boolean[]];
    const terminal: Terminal = {
      isInteractive,
      columns: 80,
      print: (lines) => void printed.push(...lines),
      setStatus: () => {},
      read: () => Promise.resolve(undefined),
      ask: async (label) => answers[labels.push(label) - 1],
      close: () => {},
    };
    const onOpen = (is: boolean): void => void open.push(is);
    const questions = new Questions({ terminal, style: createStyle(false), onOpen });
    return { result: questions.ask(params, NEVER), labels, printed, open };
  }

  it('ask for each field, those first that are needed', async () => {
    const { result, labels, printed, open } = ask([' Ada ', '36', 'red', 'yes']);
    expect(await result).toEqual({ action: 'accept', content: { name: 'Ada', age: 36, color: 'red', tea: true } });
    expect(labels).toEqual([
      'Name',
      'Age (integer, may be empty)',
      'color (red|blue, default blue)',
      'tea (true|false, may be empty)',
    ]);
    expect(printed[0]).toBe('? The server asks: Who are you?');
    expect(printed.at(-1)).toBe('  Answered name=Ada age=36 color=red tea=true');
    expect(open).toEqual([true, false]);
  });

  it('leave out what may be empty, or take what is given for it', async () => {
    expect(await ask(['Ada', '', '', '']).result).toEqual({
      action: 'accept',
      content: { name: 'Ada', color: 'blue' },
    });
  });

  it('ask again until it is right', async () => {
    const { result, printed } = ask(['', 'A', 'Ada', '0', 'x', '7', 'green', 'red', '']);
    expect(await result).toEqual({ action: 'accept', content: { name: 'Ada', age: 7, color: 'red' } });
    expect(printed.slice(2, -1)).toEqual([
      '  Name is needed.',
      '  Name must NOT have fewer than 2 characters.',
      '  Age must be >= 1.',
      '  Age=<integer> does not take "x".',
      '  color is one of red, blue.',
    ]);
  });

  it('are put away where nobody could be asked again', async () => {
    const { result, printed } = ask([''], { isInteractive: false });
    expect(await result).toEqual({ action: 'cancel' });
    expect(printed).toContain('  Name is needed.');
  });

  it.each<[string | undefined, ElicitResult]>([
    ['/decline', { action: 'decline' }],
    ['/cancel', { action: 'cancel' }],
    [undefined, { action: 'cancel' }],
  ])('take %j for a refusal', async (line, expected) => {
    expect(await ask([line]).result).toEqual(expected);
    expect(await ask(['Ada', line]).result).toEqual(expected);
  });

  it('may have no fields', async () => {
    const params = { ...form, requestedSchema: { type: 'object' as const, properties: {} } };
    const { result, labels } = ask([''], { params });
    expect(await result).toEqual({ action: 'accept', content: {} });
    expect(labels).toEqual(['Accept?']);
    expect(await ask(['/decline'], { params }).result).toEqual({ action: 'decline' });
  });
});
