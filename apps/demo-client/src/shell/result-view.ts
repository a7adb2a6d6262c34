import { isDeepStrictEqual } from 'node:util';
import { elapsed, labelled, widthOf, wrap } from './layout.js';
import { inOneLine, printable } from './printable.js';
import { reasonOf } from './failure.js';
import type {
  CallToolResult,
  ContentBlock,
  GetPromptResult,
  ReadResourceResult,
} from '@modelcontextprotocol/sdk/types.js';
import type { Style } from '../style.js';
import type { Outcome, PendingCall } from './pending-calls.js';

const INDENT = '  ';

/** What became of a call; a failure is one line. */
export function outcomeLines(
  { number, tool, startedAt }: PendingCall,
  outcome: Outcome,
  style: Style,
  width: number,
): string[] {
  const name = `#${number} ${tool}`;
  const after = `after ${elapsed(performance.now() - startedAt)}`;
  if ('givenUp' in outcome) return [`${style.bad('✗')} ${style.strong(name)} given up ${after}: ${outcome.givenUp}`];
  if ('error' in outcome)
    return [`${style.bad('✗')} ${style.strong(name)} failed ${after}: ${reasonOf(outcome.error)}`];
  const { isError = false } = outcome.result;
  const mark = isError ? style.bad('✗') : style.good('✓');
  const head = `${mark} ${style.strong(name)} ${isError ? 'failed ' : ''}${after}`;
  const lines = resultLines(outcome.result, width - INDENT.length);
  const [only = ''] = lines;
  const fits = lines.length === 1 && (isError || widthOf(`${head}: ${only}`) <= width);
  return fits ? [`${head}: ${only}`] : [head, ...lines.map((line) => `${INDENT}${line}`.trimEnd())];
}

/** What a tool answered: its content, and what of the structured content is not in that. */
export function resultLines({ content, structuredContent, isError }: CallToolResult, width: number): string[] {
  const texts = content.map(textOf);
  if (isError === true) return [inOneLine(texts.join(' '))];
  if (structuredContent === undefined) return texts.flatMap((text) => wrap(text, width));
  const own = texts.filter((text) => !isDeepStrictEqual(parsed(text), structuredContent));
  const fields = Object.entries(structuredContent).filter(
    ([, value]) => typeof value !== 'string' || !own.includes(printable(value).trimEnd()),
  );
  return [...own.flatMap((text) => wrap(text, width)), ...fieldLines(fields, width)];
}

export function resourceContentLines({ contents }: ReadResourceResult, width: number): string[] {
  return contents.flatMap((content) =>
    'text' in content
      ? wrap(printable(content.text).trimEnd(), width)
      : [`(${content.mimeType ?? 'bytes'}, ${sizeOf(content.blob)})`],
  );
}

export function promptResultLines({ description, messages }: GetPromptResult, width: number): string[] {
  const about = description === undefined ? [] : wrap(inOneLine(description), width);
  return [...about, ...messages.flatMap(({ role, content }) => labelled(`${role}: `, textOf(content), width))];
}

/** `name value`, the values below each other. */
export function fieldLines(fields: readonly (readonly [string, unknown])[], width: number): string[] {
  const column = Math.max(0, ...fields.map(([name]) => widthOf(inOneLine(name)))) + 2;
  return fields.flatMap(([name, value]) => {
    const text = printable(typeof value === 'string' ? value : JSON.stringify(value)).trimEnd();
    return labelled(inOneLine(name).padEnd(column), text, width);
  });
}

function textOf(content: ContentBlock): string {
  switch (content.type) {
    case 'text':
      return printable(content.text).trimEnd();
    case 'image':
    case 'audio':
      return `(${inOneLine(content.mimeType)}, ${sizeOf(content.data)})`;
    case 'resource_link':
      return `(${inOneLine(content.uri)})`;
    case 'resource':
      return 'text' in content.resource
        ? printable(content.resource.text).trimEnd()
        : `(${inOneLine(content.resource.uri)}, ${sizeOf(content.resource.blob)})`;
  }
}

function sizeOf(base64: string): string {
  return `${Buffer.byteLength(base64, 'base64')} bytes`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
