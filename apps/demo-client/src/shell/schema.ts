import { isRecord } from '@asyncmcp/core';

const JSON_TYPES = ['null', 'boolean', 'integer', 'number', 'object', 'array', 'string'] as const;

export type JsonType = (typeof JSON_TYPES)[number];

/** What a JSON schema allows, as far as somebody who types a value wants to know. */
export interface Shape {
  /** Empty: anything. */
  readonly types: ReadonlySet<JsonType>;
  /** The only values there are, if they are counted. */
  readonly choices: readonly unknown[] | undefined;
  /** Of an array: what is in it. */
  readonly items: Shape | undefined;
}

/** One member of an object: an argument of a tool, or a field of a form. */
export interface Field {
  readonly name: string;
  readonly title: string | undefined;
  readonly description: string | undefined;
  readonly required: boolean;
  readonly default: unknown;
  readonly shape: Shape;
  /** As it is, its references resolved. */
  readonly schema: Readonly<Record<string, unknown>>;
}

/** How deep references are followed: a schema may refer to itself. */
const MAX_DEPTH = 8;

/** The members of an object, those that must be there first. */
export function fieldsOf(schema: unknown): readonly Field[] {
  const { properties, required } = isRecord(schema) ? schema : {};
  const names = new Set<unknown>(Array.isArray(required) ? required : []);
  const fields = Object.entries(isRecord(properties) ? properties : {}).map(([name, property]) => {
    const own = resolve(property, schema);
    return {
      name,
      title: textIn(own['title']),
      description: textIn(own['description']),
      required: names.has(name),
      default: own['default'],
      shape: shapeOf(own, schema),
      schema: own,
    };
  });
  return fields.toSorted((one, other) => Number(other.required) - Number(one.required));
}

/** Whether an object may have members that its schema does not name; by default only where it names none. */
export function takesOthers(schema: unknown): boolean {
  const { additionalProperties, properties } = isRecord(schema) ? schema : {};
  return additionalProperties === undefined ? properties === undefined : additionalProperties !== false;
}

/** The shape of whatever a value may be. */
export const ANYTHING: Shape = { types: new Set(), choices: undefined, items: undefined };

export function shapeOf(schema: unknown, root: unknown, depth = 0): Shape {
  if (depth > MAX_DEPTH) return ANYTHING;
  const own = resolve(schema, root);
  if ('const' in own) return ofChoices([own['const']]);
  if (Array.isArray(own['enum'])) return ofChoices(own['enum']);
  const alternatives: unknown = own['anyOf'] ?? own['oneOf'];
  if (Array.isArray(alternatives)) return anyOf(alternatives.map((each) => shapeOf(each, root, depth + 1)));
  const types = [own['type']].flat().filter(isJsonType);
  const items = types.includes('array') ? shapeOf(own['items'], root, depth + 1) : undefined;
  return { types: new Set(types), choices: undefined, items };
}

/** What it is, in a few words: `text`, `integer`, `a|b|c`. */
export function describeShape({ types, choices, items }: Shape): string {
  if (choices !== undefined) return choices.map(showValue).join('|');
  if (types.size === 0) return 'anything';
  return [...types].map((type) => nameOf(type, items)).join(' or ');
}

/** A value in the way it is typed. */
export function showValue(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

export function typeOf(value: unknown): JsonType {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  if (typeof value === 'boolean') return 'boolean';
  return typeof value === 'string' ? 'string' : 'object';
}

function nameOf(type: JsonType, items: Shape | undefined): string {
  if (type === 'string') return 'text';
  if (type === 'boolean') return 'true|false';
  if (type === 'array' && items !== undefined && items.types.size > 0) return `list of ${describeShape(items)}`;
  return type === 'array' ? 'list' : type;
}

function ofChoices(choices: readonly unknown[]): Shape {
  return { types: new Set(choices.map(typeOf)), choices, items: undefined };
}

/** One that allows anything makes all of them allow it. */
function anyOf(shapes: readonly Shape[]): Shape {
  if (shapes.some(({ types }) => types.size === 0)) return ANYTHING;
  const counted = shapes.map(({ choices }) => choices);
  return {
    types: new Set(shapes.flatMap(({ types }) => [...types])),
    choices: counted.some((choices) => choices === undefined) ? undefined : counted.flatMap((choices) => choices ?? []),
    items: shapes.find(({ items }) => items !== undefined)?.items,
  };
}

/** A schema, or what it refers to within its document: `#/$defs/Name`. */
function resolve(schema: unknown, root: unknown, depth = 0): Record<string, unknown> {
  if (!isRecord(schema)) return {};
  const { $ref: reference, ...own } = schema;
  if (typeof reference !== 'string' || !reference.startsWith('#/') || depth > MAX_DEPTH) return schema;
  let target: unknown = root;
  for (const part of reference.slice(2).split('/')) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    target = isRecord(target) && Object.hasOwn(target, name) ? target[name] : undefined;
  }
  return { ...resolve(target, root, depth + 1), ...own };
}

function isJsonType(type: unknown): type is JsonType {
  return JSON_TYPES.some((each) => each === type);
}

function textIn(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
