import { isWebhookTool } from '@asyncmcp/streamable-webhook';
import { usageOf } from './arguments.js';
import { labelled, widthOf, pad } from './layout.js';
import { inOneLine } from './printable.js';
import { fieldsOf, showValue } from './schema.js';
import type { Prompt, Resource, Tool } from '@modelcontextprotocol/sdk/types.js';
import type { Style } from '../style.js';
import type { Field } from './schema.js';

/** Where what is said of arguments begins, at most. */
const MAX_LABEL = 30;

/** Tools: what they do, how they are called, and which answer by webhook though others do not. */
export function toolLines(tools: readonly Tool[], style: Style, width: number): string[] {
  if (tools.length === 0) return ['This server has no tools.'];
  return tools.flatMap((tool) => {
    const mark = isWebhookTool(tool) ? ` ${style.good('⇠ answers by webhook')}` : '';
    return [
      `${style.strong(inOneLine(tool.name))}${mark}`,
      ...describe(tool.description ?? tool.title, width),
      ...fieldLines(fieldsOf(tool.inputSchema), style, width),
    ];
  });
}

export function promptLines(prompts: readonly Prompt[], style: Style, width: number): string[] {
  if (prompts.length === 0) return ['This server has no prompts.'];
  return prompts.flatMap((prompt) => [
    style.strong(inOneLine(prompt.name)),
    ...describe(prompt.description ?? prompt.title, width),
    ...fieldLines(fieldsOf(schemaOfPrompt(prompt)), style, width),
  ]);
}

export function resourceLines(resources: readonly Resource[], style: Style, width: number): string[] {
  if (resources.length === 0) return ['This server has no resources.'];
  const longest = Math.min(MAX_LABEL, Math.max(...resources.map(({ uri }) => widthOf(inOneLine(uri)))));
  return resources.flatMap((resource) => {
    const { uri, title, name, description, mimeType } = resource;
    const label = inOneLine(uri);
    const text = [description ?? title ?? name, ...(mimeType === undefined ? [] : [`(${mimeType})`])].join(' ');
    return withLabel(style.strong(pad(label, longest)), widthOf(label), longest, inOneLine(text), width, '');
  });
}

/** The arguments of a prompt are texts, and have no schema; this is one. */
export function schemaOfPrompt({ arguments: list = [] }: Prompt): Record<string, unknown> {
  const properties = list.map(({ name, description }) => [name, { type: 'string', description }]);
  const required = list.flatMap(({ name, required: needed }) => (needed === true ? [name] : []));
  return { properties: Object.fromEntries(properties), required };
}

function describe(text: string | undefined, width: number): string[] {
  return text === undefined ? [] : labelled('  ', inOneLine(text), width);
}

/** One for each argument; those in brackets may be left out. */
function fieldLines(fields: readonly Field[], style: Style, width: number): string[] {
  const labels = fields.map((field) => inOneLine(field.required ? usageOf(field) : `[${usageOf(field)}]`));
  const longest = Math.min(MAX_LABEL, Math.max(0, ...labels.map(widthOf)));
  return fields.flatMap((field, index) => {
    const label = labels[index] ?? '';
    const fallback = field.default === undefined ? [] : [`Default: ${showValue(field.default)}.`];
    const text = inOneLine([field.description ?? field.title ?? '', ...fallback].join(' '));
    return withLabel(style.faint(pad(label, longest)), widthOf(label), longest, text, width, '    ');
  });
}

/** A label and what is said of it: beside it, or below it where it is too long. */
function withLabel(
  label: string,
  labelWidth: number,
  column: number,
  text: string,
  width: number,
  indent: string,
): string[] {
  if (text === '') return [`${indent}${label.trimEnd()}`];
  if (labelWidth <= column) return labelled(`${indent}${label}  `, text, width);
  return [`${indent}${label}`, ...labelled(`${indent}  `, text, width)];
}
