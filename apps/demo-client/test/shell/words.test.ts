import { describe, expect, it } from '@jest/globals';
import { splitWords, wordsOf } from '../../src/shell/words.js';

const texts = (line: string): readonly string[] => wordsOf(line).map(({ text }) => text);

describe('words', () => {
  it.each<[string, string[]]>([
    ['', []],
    ['  call   greet\tname=Ada ', ['call', 'greet', 'name=Ada']],
    ['name="Ada Lovelace"', ['name=Ada Lovelace']],
    [String.raw`text="say \"hi\"\n\\ and \d"`, ['text=say "hi"\n\\ and \\d']],
    [String.raw`text='raw \n "x"'`, ['text=raw \n "x"'.replace('\n', String.raw`\n`)]],
    ["text=it's fine", ["text=it's", 'fine']],
    ['url=https://a.example/?q="x"&r=1', ['url=https://a.example/?q="x"&r=1']],
    ['text="" x', ['text=', 'x']],
    ['filter={"a": [1, 2], "b": "} ]"} x', ['filter={"a": [1, 2], "b": "} ]"}', 'x']],
    ['list=["a b", "c"]', ['list=["a b", "c"]']],
    ['text={not json at all', ['text={not', 'json', 'at', 'all']],
  ])('of %j', (line, expected) => {
    expect(texts(line)).toEqual(expected);
  });

  it('know whether a value was in quotes, and where they begin', () => {
    expect(wordsOf('a b="3" c=3')).toMatchObject([
      { start: 0, quoted: false },
      { start: 2, quoted: true },
      { start: 8, quoted: false },
    ]);
  });

  it('may be unfinished while they are typed, but not when they are entered', () => {
    expect(splitWords('call x text="a b')).toMatchObject([{}, {}, { text: 'text=a b', open: '"' }]);
    expect(() => wordsOf('call x text="a b')).toThrow('The quote " is not closed.');
    expect(() => wordsOf("call x text='a b")).toThrow("The quote ' is not closed.");
  });
});
