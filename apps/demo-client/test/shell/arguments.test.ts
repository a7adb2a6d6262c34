import { describe, expect, it } from '@jest/globals';
import { toArguments } from '../../src/shell/arguments.js';
import { describeShape, fieldsOf, shapeOf } from '../../src/shell/schema.js';
import { wordsOf } from '../../src/shell/words.js';

const schema = {
  type: 'object',
  properties: {
    limit: { type: 'integer', default: 10 },
    ratio: { type: 'number' },
    text: { type: 'string', description: 'What it is about.' },
    deep: { type: 'boolean' },
    order: { enum: ['newest', 'oldest', 3] },
    filter: { type: 'object' },
    tags: { type: 'array', items: { type: 'string' } },
    sizes: { type: 'array', items: { type: 'integer' } },
    either: { anyOf: [{ type: 'number' }, { type: 'string' }] },
    maybe: { type: ['string', 'null'] },
    kind: { $ref: '#/$defs/Kind' },
    any: {},
  },
  required: ['text'],
  $defs: { Kind: { oneOf: [{ const: 'a' }, { const: 'b' }] } },
};

const convert = (line: string): Record<string, unknown> => toArguments('search', wordsOf(`text=x ${line}`), schema);

describe('arguments', () => {
  it.each<[string, Record<string, unknown>]>([
    ['limit=3', { limit: 3 }],
    ['limit=-3', { limit: -3 }],
    ['limit="3"', { limit: 3 }],
    ['ratio=.5', { ratio: 0.5 }],
    ['ratio=3', { ratio: 3 }],
    ['ratio=1e3', { ratio: 1000 }],
    ['deep=true', { deep: true }],
    ['deep=No', { deep: false }],
    ['order=oldest', { order: 'oldest' }],
    ['order=3', { order: 3 }],
    ['filter={"a": {"b": [1]}}', { filter: { a: { b: [1] } } }],
    ['tags=["a b","c"]', { tags: ['a b', 'c'] }],
    ['tags=a,b', { tags: ['a', 'b'] }],
    ['sizes=1,2', { sizes: [1, 2] }],
    ['either=3', { either: 3 }],
    ['either="3"', { either: '3' }],
    ['either=three', { either: 'three' }],
    ['maybe=null', { maybe: null }],
    ['maybe="null"', { maybe: 'null' }],
    ['kind=b', { kind: 'b' }],
    ['any=3', { any: 3 }],
    ['any=word', { any: 'word' }],
    ['any="3"', { any: '3' }],
  ])('of %s', (line, expected) => {
    expect(convert(line)).toEqual({ text: 'x', ...expected });
  });

  it('of type text are text, whatever they look like', () => {
    for (const value of ['3', 'true', 'null', '{"a":1}', 'a=b=c', '']) {
      expect(toArguments('search', wordsOf(`text=${value}`), schema)).toEqual({ text: value });
    }
  });

  it.each([
    ['limit=3.5', 'limit=<integer> does not take "3.5".'],
    ['limit=1e999', 'limit=<integer> does not take "1e999".'],
    ['ratio=many', 'ratio=<number> does not take "many".'],
    ['ratio=', 'ratio=<number> has no value.'],
    ['deep=maybe', 'deep=<true|false> does not take "maybe".'],
    ['order=random', 'order is one of newest, oldest, 3.'],
    ['filter=a', 'filter=<object> does not take "a"; it is written as JSON.'],
    ['filter=[1]', 'filter=<object> does not take "[1]"; it is written as JSON.'],
    ['sizes=1,x', 'each of them=<integer> does not take "x".'],
    ['limits=3', 'search has no argument "limits"; it takes text=<text> limit=<integer>'],
    ['limit=3 limit=4', '"limit" is given twice.'],
    ['loose', 'Arguments are written name=value, not "loose"; search: it takes text=<text>'],
  ])('say what is wrong with %s', (line, message) => {
    expect(() => convert(line)).toThrow(message);
  });

  it('name all that are missing', () => {
    const properties = { one: { type: 'string' }, two: { type: 'number' }, three: { type: 'string' } };
    const needy = { properties, required: ['one', 'two'] };
    expect(() => toArguments('put', wordsOf('three=3'), needy)).toThrow('put needs one=<text> two=<number> as well.');
  });

  it('are whatever one likes where the schema says so, or nothing', () => {
    for (const open of [{}, { type: 'object' }, { properties: { a: {} }, additionalProperties: true }]) {
      expect(toArguments('put', wordsOf('b=3 c="x y"'), open)).toEqual({ b: 3, c: 'x y' });
    }
    expect(() => toArguments('ping', wordsOf('a=1'), { properties: {} })).toThrow('it takes none');
  });
});

describe('schema', () => {
  it('lists what must be given first', () => {
    const fields = fieldsOf(schema);
    expect(fields[0]).toMatchObject({ name: 'text', required: true, description: 'What it is about.' });
    expect(fields[1]).toMatchObject({ name: 'limit', required: false, default: 10 });
  });

  it.each<[unknown, string]>([
    [{ type: 'string' }, 'text'],
    [{ type: ['integer', 'null'] }, 'integer or null'],
    [{ enum: ['a', 'b', 1] }, 'a|b|1'],
    [{ type: 'array', items: { type: 'number' } }, 'list of number'],
    [{ type: 'array' }, 'list'],
    [{ anyOf: [{ enum: ['a'] }, { const: 'b' }] }, 'a|b'],
    [{ anyOf: [{ type: 'string' }, {}] }, 'anything'],
    [{ $ref: '#/nowhere' }, 'anything'],
    [true, 'anything'],
  ])('describes %j', (own, expected) => {
    expect(describeShape(shapeOf(own, own))).toBe(expected);
  });

  it('is not led in circles', () => {
    const circle = { $ref: '#/$defs/A', $defs: { A: { $ref: '#/$defs/A' } } };
    expect(describeShape(shapeOf(circle, circle))).toBe('anything');
    const list = { $defs: { L: { type: 'array', items: { $ref: '#/$defs/L' } } }, $ref: '#/$defs/L' };
    expect(describeShape(shapeOf(list, list))).toContain('list of list');
  });
});
