import { describe, expect, it } from '@jest/globals';
import { COMMANDS, parseCommand, usageOfCommand } from '../../src/shell/commands.js';
import { complete, fieldsBySchema } from '../../src/shell/completion.js';
import type { Vocabulary } from '../../src/shell/completion.js';

describe('commands', () => {
  it.each<[string, object]>([
    ['init', { name: 'init', words: [] }],
    ['exit', { name: 'quit' }],
    ['?', { name: 'help' }],
    ['call greet name=Ada', { name: 'call', words: [{ text: 'greet' }, { text: 'name=Ada' }], inBackground: false }],
    ['call wait seconds=3 &', { words: [{ text: 'wait' }, { text: 'seconds=3' }], inBackground: true }],
    ['read demo://about', { name: 'read', words: [{ text: 'demo://about' }] }],
  ])('of %j', (line, expected) => {
    expect(parseCommand(line)).toMatchObject(expected);
  });

  it.each(['', '   ', '# said to nobody "'])('are not in %j', (line) => {
    expect(parseCommand(line)).toBeUndefined();
  });

  it.each([
    ['frobnicate', 'There is no command "frobnicate"; help lists them.'],
    ['toString', 'There is no command "toString"; help lists them.'],
    ['call', 'It is typed "call <tool> name=value …"; tools lists them.'],
    ['read', 'It is typed "read <uri>"; resources lists them.'],
    ['read a b', 'It is typed "read <uri>"; resources lists them.'],
    ['cancel', 'It is typed "cancel <n>"; pending lists them.'],
    ['tools greet', 'It is typed "tools".'],
  ])('refuse %j', (line, message) => {
    expect(() => parseCommand(line)).toThrow(message);
  });

  it('have names that say how they are typed', () => {
    expect(Object.keys(COMMANDS)).toEqual(expect.arrayContaining(['init', 'tools', 'call', 'pending', 'quit']));
    expect(usageOfCommand('cancel')).toBe('cancel <n>');
  });
});

describe('completion', () => {
  const search = {
    properties: {
      text: { type: 'string' },
      order: { enum: ['newest', 'oldest', 'the best'] },
      deep: { type: 'boolean' },
      deeper: { type: 'boolean' },
    },
    required: ['text'],
  };
  const vocabulary: Vocabulary = {
    tools: fieldsBySchema([
      ['search', search],
      ['server_info', {}],
      ['greet', { properties: { name: { type: 'string' } } }],
    ]),
    prompts: fieldsBySchema([['summarize', { properties: { url: { type: 'string' } } }]]),
    resources: ['demo://about', 'demo://tools/greet'],
    calls: [7, 12],
  };

  it.each<[string, string]>([
    ['ini', 't'],
    ['cal', 'l '],
    ['call', ' '],
    ['call g', 'reet '],
    ['call s', 'e'],
    ['call sear', 'ch '],
    ['call server', '_info'],
    ['call greet ', 'name='],
    ['call search t', 'ext='],
    ['call search text="a b" o', 'rder='],
    ['call search order=n', 'ewest '],
    ['call search order=t', ''],
    ['c', 'a'],
    ['call search order="t', 'he best" '],
    ['call search deep=t', 'rue '],
    ['call search deepe', 'r='],
    ['call search text="so ', ''],
    ['prompt ', 'summarize '],
    ['prompt summarize ', 'url='],
    ['read ', 'demo://'],
    ['read demo://a', 'bout'],
    ['cancel 1', '2'],
    ['tools ', ''],
    ['nonsense x', ''],
  ])('of %j inserts %j', (line, insert) => {
    expect(complete(line, vocabulary).insert).toBe(insert);
  });

  it.each<[string, string[]]>([
    ['ca', ['call', 'cancel']],
    ['call se', ['search', 'server_info']],
    ['call search ', ['text=<text>', 'order=<newest|oldest|the best>', 'deep=<true|false>', 'deeper=<true|false>']],
    ['call search text=x deep=true ', ['order=<newest|oldest|the best>', 'deeper=<true|false>']],
    ['call search order=', ['newest', 'oldest', 'the best']],
    ['cancel ', ['7', '12']],
    ['call greet name=', []],
  ])('of %j offers %j', (line, choices) => {
    expect(complete(line, vocabulary)).toEqual({ insert: '', choices });
  });

  it('types nothing that would move the cursor', () => {
    const tools = fieldsBySchema([['\u001b[2J', { properties: {} }]]);
    expect(complete('call ', { ...vocabulary, tools })).toEqual({ insert: '', choices: [] });
  });
});
