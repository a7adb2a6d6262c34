import { stripVTControlCharacters } from 'node:util';

/** Control characters but the line feed, and those that turn the direction of what is read. */
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u200E\u200F\u202A-\u202E\u2066-\u2069]/g;

/** What a server says, with nothing in it that would move the cursor, colour the screen or make it look like what it is not. */
export function printable(text: string): string {
  return stripVTControlCharacters(text.replaceAll('\r\n', '\n').replaceAll('\t', '  ')).replaceAll(CONTROL, '');
}

/** The same in one line. */
export function inOneLine(text: string): string {
  return printable(text).replaceAll(/\s+/g, ' ').trim();
}
