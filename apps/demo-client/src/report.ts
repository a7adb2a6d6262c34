import { isEventStream } from './http-entries.js';
import type { Style } from './style.js';
import type { HttpAnswer, Trace, TraceEntry } from './trace.js';

/** Every line fits a terminal of 80 columns. */
const TITLE = 15;
const DETAIL = 50;
const CHANNEL = 24;
const WHAT = 28;
/** Of the channel's, with HTTP: what a status takes, and the space before it. */
const STATUS = 4;

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
  const { kind, what, at, refused } = entry;
  const { channel, measure } = entry.answer === undefined ? ofMessage(entry) : ofRequest(entry.channel, entry.answer);
  const text = `${ARROWS[kind]} ${channel} ${fit(what, WHAT)} ${measure.padStart(7)} ${duration(at - startedAt, '+')}`;
  return `      ${refused === true ? style.bad(text) : style.faint(text)}`;
}

interface Columns {
  readonly channel: string;
  /** Seven characters at most. */
  readonly measure: string;
}

/** A message to or from a broker: its size. */
function ofMessage({ channel, bytes, refused }: TraceEntry): Columns {
  const size = bytes === undefined ? '' : weight(bytes);
  return { channel: fit(channel, CHANNEL), measure: refused === true ? 'refused' : size };
}

/** An HTTP request: how it was answered, and how soon. */
function ofRequest(channel: string, answer: HttpAnswer | 'awaited'): Columns {
  const { status, type, elapsedMs }: Partial<HttpAnswer> = answer === 'awaited' ? {} : answer;
  const shown = isEventStream(type) ? `${channel} SSE` : channel;
  const measure = elapsedMs === undefined ? '' : elapsed(elapsedMs);
  return { channel: fit(shown, CHANNEL - STATUS) + String(status ?? '–').padStart(STATUS), measure };
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
  return `${sign}${elapsed(elapsedMs)}`.padStart(9);
}

function elapsed(elapsedMs: number): string {
  return elapsedMs < 9999 ? `${Math.round(elapsedMs)} ms` : `${Math.round(elapsedMs / 1000)} s`;
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
