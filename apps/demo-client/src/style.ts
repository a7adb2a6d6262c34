import type { WriteStream } from 'node:tty';

/** Colours for parts of a line; each returns its text as it is where there are none. */
export interface Style {
  good(text: string): string;
  bad(text: string): string;
  faint(text: string): string;
  strong(text: string): string;
}

export function createStyle(colored: boolean): Style {
  const code = (on: number, off: number) => (text: string) => (colored ? `\u001b[${on}m${text}\u001b[${off}m` : text);
  return { good: code(32, 39), bad: code(31, 39), faint: code(2, 22), strong: code(1, 22) };
}

/** Whether a stream shows colours, and nobody has asked for none (https://no-color.org). */
export function isColored(stream: Pick<WriteStream, 'isTTY'>, env: NodeJS.ProcessEnv = process.env): boolean {
  return stream.isTTY && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
}
