import { stripVTControlCharacters } from 'node:util';

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** What takes two columns: emoji, and what is written in East Asia. */
const WIDE =
  /\p{Emoji_Presentation}|\uFE0F|[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6]|[\u{20000}-\u{3FFFD}]/u;

/** How many columns a text takes, colours aside. */
export function widthOf(text: string): number {
  let width = 0;
  for (const { segment } of graphemes.segment(stripVTControlCharacters(text))) width += WIDE.test(segment) ? 2 : 1;
  return width;
}

/** A text of one line, no wider than that; what is cut off is marked by an ellipsis. It must have no colours. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = '';
  let left = width - 1;
  for (const { segment } of graphemes.segment(text)) {
    left -= WIDE.test(segment) ? 2 : 1;
    if (left < 0) break;
    kept += segment;
  }
  return `${kept}…`;
}

/** Padded to a width. */
export function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)));
}

/** Lines no wider than that, broken at spaces; a word that is wider alone stays whole, so that a URL can be copied. */
export function wrap(text: string, width: number): string[] {
  return text.split('\n').flatMap((paragraph) => {
    const [indent = ''] = /^ */.exec(paragraph) ?? [];
    const lines: string[] = [];
    let line = indent;
    for (const word of paragraph.slice(indent.length).split(' ')) {
      if (line.trim() !== '' && widthOf(line) + 1 + widthOf(word) > width) {
        lines.push(line);
        line = indent + word;
      } else line += line.trim() === '' ? word : ` ${word}`;
    }
    return [...lines, line];
  });
}

/** A line, and if it is too long what is left of it below, two columns further in. */
export function hang(line: string, width: number): string[] {
  if (widthOf(line) <= width) return [line];
  const [indent = ''] = /^ */.exec(line) ?? [];
  const deeper = `${indent}  `;
  const [first = '', ...others] = wrap(line, width);
  if (others.length === 0) return [first];
  return [first, ...wrap(deeper + others.map((each) => each.trimStart()).join(' '), width)];
}

/** What begins with a label, its other lines below the first one's text. */
export function labelled(label: string, text: string, width: number): string[] {
  const room = Math.max(20, width - widthOf(label));
  return wrap(text, room).map((line, index) => ((index === 0 ? label : ' '.repeat(widthOf(label))) + line).trimEnd());
}

/** Short texts, in as many columns as there is room for; read from left to right. */
export function inColumns(texts: readonly string[], width: number): string[] {
  const column = Math.max(...texts.map(widthOf)) + 2;
  const count = Math.max(1, Math.floor(width / column));
  const lines: string[] = [];
  for (let at = 0; at < texts.length; at += count) {
    lines.push(
      texts
        .slice(at, at + count)
        .map((text) => pad(text, column))
        .join('')
        .trimEnd(),
    );
  }
  return lines;
}

/** How long something took: `12 ms`, `1.2 s`, `2 min 5 s`. */
export function elapsed(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9950) return `${(ms / 1000).toFixed(1)} s`;
  return age(ms);
}

/** How old something is, to the second. */
export function age(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
