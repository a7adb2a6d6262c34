import type { Style } from './style.js';
import type { Trace, TraceEntry } from './trace.js';

/** Every line fits a terminal of 80 columns. */
const TITLE = 15;
const DETAIL = 50;
const CHANNEL = 24;
const WHAT = 28;

const ARROWS = { sent: '→', received: '←', created: '+', deleted: '-' };

/** The line of a step that was checked. */
export function stepLine(title: string, detail: string, elapsedMs: number, style: Style): string {
  return `  ${style.good('✓')} ${style.strong(fit(title, TITLE))} ${fit(detail, DETAIL)} ${style.faint(duration(elapsedMs))}`;
}

/** The lines of a step that went wrong. */
export function failureLines(title: string, reason: string, elapsedMs: number, style: Style): string[] {
  const head = `  ${style.bad('✗')} ${style.strong(fit(title, TITLE))} ${fit('failed', DETAIL)} ${style.faint(duration(elapsedMs))}`;
  return [head, ...wrap(reason, 74).map((line) => `      ${style.bad(line)}`)];
}

/** The line of something seen on the wire. */
export function traceLine(entry: TraceEntry, startedAt: number, style: Style): string {
  const { kind, channel, what, bytes, at, refused } = entry;
  const size = refused === true ? 'refused' : bytes === undefined ? '' : weight(bytes);
  const text = `${ARROWS[kind]} ${fit(channel, CHANNEL)} ${fit(what, WHAT)} ${size.padStart(7)} ${duration(at - startedAt, '+')}`;
  return `      ${refused === true ? style.bad(text) : style.faint(text)}`;
}

export interface Summary {
  readonly checked: number;
  readonly of: number;
  /** The title of the step that went wrong, if one did. */
  readonly failed: string | undefined;
  readonly trace: Pick<Trace, 'messages' | 'bytes'>;
  readonly elapsedMs: number;
}

/** The last line: how far it came. */
export function summaryLine({ checked, of, failed, trace, elapsedMs }: Summary, style: Style): string {
  const mark = failed === undefined ? style.good('✓') : style.bad('✗');
  const steps = `${checked} of ${of} steps checked${failed === undefined ? '' : `, "${failed}" failed`}`;
  const messages = `${trace.messages} ${trace.messages === 1 ? 'message' : 'messages'}`;
  return `  ${mark} ${style.strong(steps)}: ${messages}, ${kilobytes(trace.bytes)}, ${(elapsedMs / 1000).toFixed(1)} s`;
}

export function noteLines(text: string): string[] {
  return wrap(text, 72).map((line, index) => `      ${index === 0 ? '!' : ' '} ${line}`);
}

/** Exactly `width` characters: padded, or cut with an ellipsis. */
export function fit(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width);
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`;
}

/** Seven characters at most. */
function weight(bytes: number): string {
  return bytes < 100_000 ? `${bytes} B` : `${Math.round(bytes / 1000)} kB`;
}

/** Nine characters: "    12 ms", "     12 s". */
function duration(elapsedMs: number, sign = ''): string {
  const text = elapsedMs < 10_000 ? `${Math.round(elapsedMs)} ms` : `${Math.round(elapsedMs / 1000)} s`;
  return `${sign}${text}`.padStart(9);
}

function wrap(text: string, width: number): string[] {
  return text.split('\n').flatMap((paragraph) => {
    const lines = [''];
    for (const word of paragraph.split(' ')) {
      const last = lines.at(-1) ?? '';
      if (last !== '' && last.length + 1 + word.length > width) lines.push(word);
      else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
    }
    return lines;
  });
}
