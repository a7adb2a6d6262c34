import { COMMAND_NAMES, commandNamed, entryOf } from './commands.js';
import { usageOf } from './arguments.js';
import { inOneLine, printable } from './printable.js';
import { fieldsOf, showValue } from './schema.js';
import { splitWords } from './words.js';
import type { Field } from './schema.js';

/** What there is to be completed with. */
export interface Vocabulary {
  /** Names of tools, each with the fields of its arguments. */
  readonly tools: ReadonlyMap<string, readonly Field[]>;
  readonly prompts: ReadonlyMap<string, readonly Field[]>;
  readonly resources: readonly string[];
  readonly calls: readonly number[];
}

export interface Completion {
  /** What is typed for the user, after what there is. */
  readonly insert: string;
  /** What it might be, if nothing can be inserted before that is known. */
  readonly choices: readonly string[];
}

/** Something that the last word may become. */
interface Candidate {
  /** All of it, with the space or `=` after it. */
  readonly text: string;
  /** How it is shown. */
  readonly label: string;
}

/** Completes what stands before the cursor. */
export function complete(line: string, vocabulary: Vocabulary): Completion {
  const words = splitWords(line);
  const last = words.at(-1);
  const isGoingOn = last !== undefined && (last.open !== '' || !/\s$/.test(line));
  const before = (isGoingOn ? words.slice(0, -1) : words).map(({ text }) => text);
  const typed = isGoingOn ? line.slice(last.start) : '';
  const fitting = candidates(before, typed, vocabulary).filter(
    // Names are the server's.
    ({ text }) => text.startsWith(typed) && printable(text) === text,
  );
  const insert = commonStart(fitting.map(({ text }) => text)).slice(typed.length);
  return { insert, choices: insert === '' ? fitting.map(({ label }) => inOneLine(label)) : [] };
}

/** A vocabulary's fields of a tool or prompt, from the schema of its arguments. */
export function fieldsBySchema(schemas: Iterable<readonly [string, unknown]>): ReadonlyMap<string, readonly Field[]> {
  return new Map([...schemas].map(([name, schema]) => [name, fieldsOf(schema)]));
}

function candidates(before: readonly string[], typed: string, vocabulary: Vocabulary): readonly Candidate[] {
  const [command, name] = before;
  if (command === undefined) {
    return COMMAND_NAMES.map((each) => word(each, entryOf(each).takes !== undefined));
  }
  const named = commandNamed(command);
  const { takes } = named === undefined ? {} : entryOf(named);
  if (takes === 'tool' || takes === 'prompt') {
    const all = takes === 'tool' ? vocabulary.tools : vocabulary.prompts;
    if (name !== undefined) return forArguments(all.get(name) ?? [], before.slice(2), typed);
    return [...all].map(([each, fields]) => word(each, fields.length > 0));
  }
  if (name !== undefined) return [];
  if (takes === 'resource') return vocabulary.resources.map((each) => word(each, false));
  return takes === 'call' ? vocabulary.calls.map((each) => word(String(each), false)) : [];
}

function forArguments(fields: readonly Field[], before: readonly string[], typed: string): readonly Candidate[] {
  const at = typed.indexOf('=');
  if (at < 0) {
    const isOpen = ({ name }: Field): boolean => !before.some((text) => text.startsWith(`${name}=`));
    return fields.filter(isOpen).map((field) => ({ text: `${field.name}=`, label: usageOf(field) }));
  }
  const name = typed.slice(0, at);
  const field = fields.find((each) => each.name === name);
  return valuesOf(field).map((label) => ({
    text: `${name}=${/[\s"]/.test(label) ? JSON.stringify(label) : label} `,
    label,
  }));
}

function valuesOf(field: Field | undefined): readonly string[] {
  if (field === undefined) return [];
  const { choices, types } = field.shape;
  if (choices !== undefined) return choices.map(showValue);
  return types.has('boolean') ? ['true', 'false'] : [];
}

function word(label: string, goesOn: boolean): Candidate {
  return { text: goesOn ? `${label} ` : label, label };
}

function commonStart(texts: readonly string[]): string {
  const [first = '', ...others] = texts;
  let length = first.length;
  for (const text of others) {
    while (!text.startsWith(first.slice(0, length))) length--;
  }
  return first.slice(0, length);
}
