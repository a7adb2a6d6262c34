import { ANYTHING, describeShape, fieldsOf, showValue, takesOthers, typeOf } from './schema.js';
import { UsageError } from './usage-error.js';
import type { Field, JsonType, Shape } from './schema.js';
import type { Word } from './words.js';

/** `name=value`, taken apart. */
interface Given {
  readonly name: string;
  readonly value: string;
  readonly quoted: boolean;
}

/**
 * The arguments of a tool, from what was typed and the tool's schema.
 *
 * @throws UsageError, which names what is missing, unknown or not of its type
 */
export function toArguments(tool: string, words: readonly Word[], schema: unknown): Record<string, unknown> {
  const fields = fieldsOf(schema);
  const entries = new Map<string, unknown>();
  for (const word of words) {
    const { name, value, quoted } = takeApart(tool, word, fields);
    const field = fields.find((each) => each.name === name);
    if (field === undefined && !takesOthers(schema))
      throw new UsageError(`${tool} has no argument "${name}"; ${whatItTakes(fields)}.`);
    if (entries.has(name)) throw new UsageError(`"${name}" is given twice.`);
    entries.set(name, toValue(name, value, field?.shape ?? ANYTHING, quoted));
  }
  const missing = fields.filter(({ name, required }) => required && !entries.has(name));
  if (missing.length > 0) throw new UsageError(`${tool} needs ${missing.map(usageOf).join(' ')} as well.`);
  return Object.fromEntries(entries);
}

/** An argument as it is to be typed: `seconds=<number>`. */
export function usageOf({ name, shape }: Field): string {
  return `${name}=<${describeShape(shape)}>`;
}

/**
 * A value of the type that its shape wants.
 *
 * @throws UsageError when it is of none
 */
export function toValue(name: string, text: string, shape: Shape, quoted = false): unknown {
  const { types, choices } = shape;
  const candidates = candidatesFor(text, shape, quoted);
  if (choices !== undefined) {
    const choice = choices.find((each) => candidates.includes(each) || showValue(each) === text);
    if (choice === undefined) throw new UsageError(`${name} is one of ${choices.map(showValue).join(', ')}.`);
    return choice;
  }
  if (candidates.length > 0) return candidates[0];
  const what = `${name}=<${describeShape(shape)}>`;
  if (text === '') throw new UsageError(`${what} has no value.`);
  const json = types.has('object') || types.has('array') ? '; it is written as JSON' : '';
  throw new UsageError(`${what} does not take "${text}"${json}.`);
}

function takeApart(tool: string, { text, quoted }: Word, fields: readonly Field[]): Given {
  const at = text.indexOf('=');
  if (at < 1) throw new UsageError(`Arguments are written name=value, not "${text}"; ${tool}: ${whatItTakes(fields)}.`);
  return { name: text.slice(0, at), value: text.slice(at + 1), quoted };
}

function whatItTakes(fields: readonly Field[]): string {
  return fields.length === 0 ? 'it takes none' : `it takes ${fields.map(usageOf).join(' ')}`;
}

/** What the text may stand for, the likeliest first. */
function candidatesFor(text: string, { types, items }: Shape, quoted: boolean): unknown[] {
  const allows = (type: JsonType): boolean => types.size === 0 || types.has(type);
  const found: unknown[] = quoted && allows('string') ? [text] : [];
  const parsed = parse(text);
  if (parsed !== undefined) {
    const type = typeOf(parsed.value);
    if (allows(type) || (type === 'integer' && allows('number'))) found.push(parsed.value);
  } else if (types.has('array') && text !== '' && !text.startsWith('[') && isFlat(items)) {
    found.push(text.split(',').map((part) => toValue('each of them', part.trim(), items ?? ANYTHING)));
  }
  if (types.has('boolean') && /^(?:yes|no)$/i.test(text)) found.push(/^yes$/i.test(text));
  if (allows('string')) found.push(text);
  return found;
}

/** What JSON it is; numbers as people write them, too: `.5`, `+3`. One that is beyond all numbers is none. */
function parse(text: string): { readonly value: unknown } | undefined {
  const value = /^[+-]?(?:\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : parseJson(text);
  return value === undefined || value === Infinity || value === -Infinity ? undefined : { value };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isFlat(items: Shape | undefined): boolean {
  return items === undefined || !(items.types.has('object') || items.types.has('array'));
}
