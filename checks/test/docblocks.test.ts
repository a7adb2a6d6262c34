import { describe, expect, test } from '@jest/globals';
import { exportedNames } from '../src/exports.js';

/** What a docblock has to say of what is named so. */
const UNITS: [RegExp, RegExp][] = [
  [/Ms$/, /milliseconds/],
  [/Seconds$/, /seconds/],
  [/Bytes$/, /bytes|MiB/],
];

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
});
