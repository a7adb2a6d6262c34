import { UsageError } from './usage-error.js';

/** A word of a command line, its quotes taken off. */
export interface Word {
  readonly text: string;
  /** Whether its value was in quotes: then it is text, whatever it looks like. */
  readonly quoted: boolean;
  /** Where it begins in the line. */
  readonly start: number;
  /** The quote that is still open, or an empty text. */
  readonly open: string;
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t' };
const CLOSING: Readonly<Record<string, string>> = { '{': '}', '[': ']' };

/** The words of a line that is still being typed. */
export function splitWords(line: string): readonly Word[] {
  const words: Word[] = [];
  for (let at = nextWord(line, 0); at < line.length;) {
    const { end, ...word } = readWord(line, at);
    words.push(word);
    at = nextWord(line, end);
  }
  return words;
}

/**
 * The words of a line that was entered.
 *
 * @throws UsageError when a quote is not closed
 */
export function wordsOf(line: string): readonly Word[] {
  const words = splitWords(line);
  const { open = '' } = words.at(-1) ?? {};
  if (open !== '') throw new UsageError(`The quote ${open} is not closed.`);
  return words;
}

function nextWord(line: string, from: number): number {
  const distance = line.slice(from).search(/\S/);
  return distance < 0 ? line.length : from + distance;
}

/** Quotes and JSON count where a word or the value after its first `=` begins: `it's` is a word like any other. */
function readWord(line: string, start: number): Word & { readonly end: number } {
  let text = '';
  let quoted = false;
  let hasKey = false;
  let at = start;
  while (at < line.length && !/\s/.test(line.charAt(at))) {
    const char = line.charAt(at);
    const opens = at === start || (text.endsWith('=') && text.indexOf('=') === text.length - 1);
    if (opens && !quoted && (char === '"' || char === "'")) {
      const inside = readQuoted(line, at);
      text += inside.text;
      quoted = true;
      at = inside.end;
      if (!inside.closed) return { text, quoted, start, open: char, end: at };
      continue;
    }
    const json = opens && hasKey ? endOfJson(line, at) : undefined;
    const end = json ?? at + 1;
    text += line.slice(at, end);
    at = end;
    hasKey ||= char === '=';
  }
  return { text, quoted, start, open: '', end: at };
}

function readQuoted(line: string, start: number): { text: string; end: number; closed: boolean } {
  const quote = line.charAt(start);
  let text = '';
  for (let at = start + 1; at < line.length; at++) {
    const char = line.charAt(at);
    if (char === quote) return { text, end: at + 1, closed: true };
    if (char === '\\' && quote === '"' && at + 1 < line.length) {
      const next = line.charAt(++at);
      text += ESCAPES[next] ?? (next === '"' || next === '\\' ? next : `\\${next}`);
    } else text += char;
  }
  return { text, end: line.length, closed: false };
}

/** Where an object or array ends that begins here, spaces and quotes in it included; undefined if it does not. */
function endOfJson(line: string, start: number): number | undefined {
  const expected: string[] = [];
  let inString = false;
  for (let at = start; at < line.length; at++) {
    const char = line.charAt(at);
    if (inString) {
      if (char === '\\') at++;
      else if (char === '"') inString = false;
      continue;
    }
    const closing = CLOSING[char];
    if (closing !== undefined) expected.push(closing);
    else if (char === '"') inString = true;
    else if (char === expected.at(-1)) expected.pop();
    if (expected.length === 0) return at === start ? undefined : at + 1;
  }
  return undefined;
}
