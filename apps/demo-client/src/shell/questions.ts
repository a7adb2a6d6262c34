import { AjvJsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/ajv';
import { toValue } from './arguments.js';
import { labelled } from './layout.js';
import { inOneLine, printable } from './printable.js';
import { describeShape, fieldsOf, showValue } from './schema.js';
import { UsageError } from './usage-error.js';
import type { ElicitRequestFormParams, ElicitResult } from '@modelcontextprotocol/sdk/types.js';
import type { Style } from '../style.js';
import type { Field } from './schema.js';
import type { Terminal } from './terminal.js';

export interface QuestionsOptions {
  readonly terminal: Terminal;
  readonly style: Style;
  /** Told when the first question is open, and when none is any more. */
  readonly onOpen: (open: boolean) => void;
}

type Content = NonNullable<ElicitResult['content']>;

/** What somebody answers instead of a value. */
const DECLINE = '/decline';
const CANCEL = '/cancel';

/** What the server asks: put to whoever sits at the terminal, one question after the other. */
export class Questions {
  readonly #options: QuestionsOptions;
  readonly #validator = new AjvJsonSchemaValidator();
  #open = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: QuestionsOptions) {
    this.#options = options;
  }

  /** @param signal - aborted when the server does not want to know any more */
  ask(params: ElicitRequestFormParams, signal: AbortSignal): Promise<ElicitResult> {
    this.#count(1);
    const asked = this.#last.then(() => this.#ask(params, signal)).finally(() => this.#count(-1));
    this.#last = asked.catch(() => {});
    return asked;
  }

  #count(by: 1 | -1): void {
    this.#open += by;
    if (this.#open === 0 || (this.#open === 1 && by === 1)) this.#options.onOpen(this.#open > 0);
  }

  async #ask({ message, requestedSchema }: ElicitRequestFormParams, signal: AbortSignal): Promise<ElicitResult> {
    const { terminal, style } = this.#options;
    const fields = fieldsOf(requestedSchema);
    const howTo = fields.length === 0 ? 'Enter accepts' : 'Enter sends the answer';
    terminal.print([
      ...labelled(style.strong('? '), `The server asks: ${printable(message)}`, terminal.columns),
      style.faint(`  ${howTo}; ${DECLINE} refuses it, ${CANCEL} (or Ctrl-C) puts it away.`),
    ]);
    const result = fields.length === 0 ? await this.#confirm(signal) : await this.#fill(fields, signal);
    terminal.print([style.faint(`  ${signal.aborted ? 'The question was withdrawn.' : describeResult(result)}`)]);
    return result;
  }

  async #confirm(signal: AbortSignal): Promise<ElicitResult> {
    const line = await this.#options.terminal.ask('Accept?', signal);
    return refusalIn(line) ?? { action: 'accept', content: {} };
  }

  async #fill(fields: readonly Field[], signal: AbortSignal): Promise<ElicitResult> {
    const content: Content = {};
    for (const field of fields) {
      const answer = await this.#answerFor(field, signal);
      if ('action' in answer) return answer;
      if (answer.value !== undefined) content[field.name] = answer.value;
    }
    return { action: 'accept', content };
  }

  /** Asked again until it is right; where nobody could say it in another way, what is wrong puts the question away. */
  async #answerFor(field: Field, signal: AbortSignal): Promise<ElicitResult | { value: Content[string] | undefined }> {
    const { terminal, style } = this.#options;
    for (;;) {
      const line = await terminal.ask(labelOf(field), signal);
      const refusal = refusalIn(line);
      if (refusal !== undefined) return refusal;
      try {
        return { value: this.#valueOf(field, line ?? '') };
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        terminal.print([style.bad(`  ${inOneLine(error.message)}`)]);
        if (!terminal.isInteractive) return { action: 'cancel' };
      }
    }
  }

  #valueOf(field: Field, line: string): Content[string] | undefined {
    const name = inOneLine(field.title ?? field.name);
    if (line.trim() === '') {
      if (isAnswer(field.default)) return field.default;
      if (field.required) throw new UsageError(`${name} is needed.`);
      return undefined;
    }
    const value = toValue(name, line.trim(), field.shape);
    const { valid, errorMessage = '' } = this.#validator.getValidator(field.schema)(value);
    if (!valid) throw new UsageError(`${name} ${errorMessage.replace(/^data\s*/, '')}.`);
    if (!isAnswer(value)) throw new UsageError(`${name} cannot be answered like this.`);
    return value;
  }
}

/** What is asked for: `Name`, `Age (integer, default 7)`. */
function labelOf({ name, title, shape, required, default: fallback }: Field): string {
  const kind = describeShape(shape);
  const notes = [
    ...(kind === 'text' ? [] : [kind]),
    ...(fallback === undefined ? (required ? [] : ['may be empty']) : [`default ${showValue(fallback)}`]),
  ];
  return inOneLine(`${title ?? name}${notes.length === 0 ? '' : ` (${notes.join(', ')})`}`);
}

function refusalIn(line: string | undefined): ElicitResult | undefined {
  if (line === undefined || line.trim() === CANCEL) return { action: 'cancel' };
  return line.trim() === DECLINE ? { action: 'decline' } : undefined;
}

function describeResult({ action, content = {} }: ElicitResult): string {
  if (action !== 'accept') return action === 'decline' ? 'Declined.' : 'Put away.';
  const values = Object.entries(content).map(([name, value]) => `${name}=${showValue(value)}`);
  return values.length === 0 ? 'Accepted.' : `Answered ${inOneLine(values.join(' '))}`;
}

function isAnswer(value: unknown): value is Content[string] {
  if (Array.isArray(value)) return value.every((each) => typeof each === 'string');
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}
