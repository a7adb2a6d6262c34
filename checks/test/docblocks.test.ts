import { describe, expect, test } from '@jest/globals';
import { exportedNames } from '../src/exports.js';

/** What a docblock has to say of what is named so. */
const UNITS: [RegExp, RegExp][] = [
  [/Ms$/, /milliseconds/],
  [/Seconds$/, /seconds/],
  [/Bytes$/, /bytes|MiB/],
];

/** What it throws; or that it does not. */
const SAYS_WHAT = /@throws \S|\bnever\s+(?:rejects|throws)\b/i;

describe('every public export', () => {
  const names = exportedNames();

  test('is looked at', () => {
    expect(names.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        '@asyncmcp/core: ServerOptions.maxSessions',
        '@asyncmcp/sqs: SqsServer.start',
        '@asyncmcp/webhook/parts: Inbox.post',
      ]),
    );
  });

  test('has a docblock, and so has every member', () => {
    expect(names.filter(({ text }) => text === '').map(({ name }) => name)).toEqual([]);
  });

  test('says its unit', () => {
    const without = names.filter(({ name, text }) => UNITS.some(([of, unit]) => of.test(name) && !unit.test(text)));
    expect(without.map(({ name }) => name)).toEqual([]);
  });

  test('says its default, where it is an option that may be left out', () => {
    const without = names.filter(
      ({ option, optional, text }) => option && optional && !/\bdefault\b|undefined:/i.test(text),
    );
    expect(without.map(({ name, text }) => `${name}  ${text}`)).toEqual([]);
  });

  test('says what it throws, or rejects with, where its own body throws or its text speaks of rejecting', () => {
    const without = names.filter(
      // An option that is a function is its user's: its text says what becomes of what it throws.
      ({ throws, promises, option, text }) =>
        !option && (throws || (promises && /\brejects?\b/.test(text))) && !SAYS_WHAT.test(text),
    );
    expect(without.map(({ name, where }) => `${where}  ${name}`)).toEqual([]);
  });

  test('is looked at in its source, where a throw can be seen', () => {
    const isThrowing = (of: string): boolean | undefined => names.find(({ name }) => name === of)?.throws;
    expect(isThrowing('@asyncmcp/core: retry')).toBe(true);
    expect(isThrowing('@asyncmcp/core: ClientTransport.start')).toBe(true);
    expect(isThrowing('@asyncmcp/core: backoffDelay')).toBe(false);
  });
});
