import { clearScreenDown, createInterface, cursorTo, moveCursor } from 'node:readline';
import { Keys } from './keys.js';
import { cut, hang, inColumns } from './layout.js';
import type { Interface, Key } from 'node:readline';
import type { Writable } from 'node:stream';
import type { Completion } from './completion.js';
import type { Style } from '../style.js';
import type { KeySource } from './keys.js';
import type { Terminal } from './terminal.js';

export interface LineEditorOptions {
  /** A terminal's. */
  readonly input: KeySource;
  readonly output: Writable & { readonly columns?: number };
  readonly style: Style;
  /** Completes what stands before the cursor. */
  readonly complete: (beginning: string) => Completion;
  /** What was typed before, the newest first. */
  readonly history: readonly string[];
  /** Told what there is to remember, the newest first. */
  readonly onHistory: (lines: readonly string[]) => void;
  /** Told of Ctrl-C on an empty line; says whether something was interrupted by it. */
  readonly onInterrupt: () => boolean;
}

interface Question {
  readonly label: string;
  readonly answer: (line: string | undefined) => void;
}

const PROMPT = '> ';
const AGAIN = '(Ctrl-C again quits)';
const HISTORY_SIZE = 500;

/**
 * A prompt that stays in the last line, with a status above it, while other lines come. Editing, history and keys are those of
 * node:readline, whose prompt has as many lines as it takes.
 */
export class LineEditor implements Terminal {
  readonly isInteractive = true;
  readonly #options: LineEditorOptions;
  readonly #keys: Keys;
  readonly #readline: Interface;
  #status: readonly string[] = [];
  readonly #lines: string[] = [];
  #reader: ((line: string | undefined) => void) | undefined;
  #question: Question | undefined;
  #waiting: Question[] = [];
  #interrupts = 0;
  #history: readonly string[];
  #isStatusHidden = false;
  #isClosed = false;

  constructor(options: LineEditorOptions) {
    this.#options = options;
    const { input, output, complete, history } = options;
    this.#history = history;
    this.#keys = new Keys(input);
    this.#readline = createInterface({
      input: this.#keys,
      output,
      terminal: true,
      history: [...history],
      historySize: HISTORY_SIZE,
      removeHistoryDuplicates: true,
      completer: (line: string) => [this.#completed(complete(line)), ''],
    });
    this.#readline.on('line', (line) => this.#take(line));
    this.#readline.on('history', (lines) => this.#remember(lines));
    this.#readline.on('SIGINT', () => this.#interrupt());
    this.#readline.on('close', () => this.#end());
    this.#keys.prependListener('keypress', (_text, key: Key | undefined) => this.#beforeKey(key));
    this.#keys.on('keypress', (_text, key: Key | undefined) => this.#afterKey(key));
    this.#show();
  }

  get columns(): number {
    return this.#options.output.columns ?? 80;
  }

  print(lines: readonly string[]): void {
    if (lines.length === 0) return;
    const { output } = this.#options;
    const text = lines.map((line) => `${hang(line, this.columns).join('\n')}\n`).join('');
    if (this.#isClosed) {
      output.write(text);
      return;
    }
    const { rows } = this.#readline.getCursorPos();
    moveCursor(output, 0, -rows);
    cursorTo(output, 0);
    clearScreenDown(output);
    // readline goes up again by as many rows as it believes to be below its first.
    output.write(text + '\n'.repeat(rows));
    this.#readline.prompt(true);
  }

  setStatus(lines: readonly string[]): void {
    if (lines.join('\n') === this.#status.join('\n')) return;
    this.#status = lines;
    if (!this.#isClosed) this.#show();
  }

  read(): Promise<string | undefined> {
    const line = this.#lines.shift();
    if (line !== undefined || this.#isClosed) return Promise.resolve(line);
    return new Promise((resolve) => {
      this.#reader = resolve;
    });
  }

  ask(label: string, signal: AbortSignal): Promise<string | undefined> {
    if (this.#isClosed || signal.aborted) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const withdraw = (): void => this.#withdraw(question);
      const question: Question = {
        label,
        answer: (line) => {
          signal.removeEventListener('abort', withdraw);
          resolve(line);
        },
      };
      signal.addEventListener('abort', withdraw, { once: true });
      this.#waiting.push(question);
      this.#askNext();
      if (this.#question !== question && this.#readline.line !== '')
        this.print([this.#options.style.strong('You are asked something: finish or clear (Ctrl-C) this line first.')]);
    });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#hideStatus();
    this.#readline.close();
  }

  /** A question is never answered by what was being typed: it waits for an empty line. */
  #askNext(): void {
    if (this.#question !== undefined || this.#readline.line !== '') return;
    this.#question = this.#waiting.shift();
    if (this.#question !== undefined) this.#show();
  }

  #withdraw(question: Question): void {
    this.#waiting = this.#waiting.filter((each) => each !== question);
    if (this.#question === question) {
      this.#clearLine();
      this.#settle(undefined);
    } else question.answer(undefined);
  }

  /** Ends the question that is open. */
  #settle(line: string | undefined): void {
    const { answer } = this.#question ?? {};
    this.#question = undefined;
    answer?.(line);
    this.#askNext();
    this.#show();
  }

  #take(line: string): void {
    if (this.#question !== undefined) return this.#settle(line);
    const reader = this.#reader;
    this.#reader = undefined;
    if (reader === undefined) this.#lines.push(line);
    else reader(line);
    this.#askNext();
    this.#show();
  }

  /** Answers to questions are nobody's business, and no commands. */
  #remember(lines: string[]): void {
    if (this.#question !== undefined) lines.splice(0, Infinity, ...this.#history);
    else this.#options.onHistory((this.#history = [...lines]));
  }

  #completed({ insert, choices }: Completion): string[] {
    if (this.#question !== undefined) return [];
    if (choices.length > 0) this.print(inColumns(choices, this.columns - 2).map((line) => `  ${line}`));
    return insert === '' ? [] : [insert];
  }

  #interrupt(): void {
    const { style, onInterrupt } = this.#options;
    const { line } = this.#readline;
    if (line !== '') {
      this.#clearLine();
      this.print([style.faint(`${this.#label}${line}^C`)]);
      this.#interrupts++;
      this.#askNext();
    } else if (this.#question !== undefined) {
      this.#settle(undefined);
    } else if (this.#interrupts > 0) {
      this.close();
    } else {
      this.#interrupts++;
      if (!onInterrupt()) this.print([style.faint(AGAIN)]);
    }
  }

  #clearLine(): void {
    this.#readline.write(null, { ctrl: true, name: 'e' });
    this.#readline.write(null, { ctrl: true, name: 'u' });
  }

  /** What is entered stays on the screen, and the status above it must not. */
  #beforeKey(key: Key | undefined): void {
    if (this.#isClosed) return;
    const enters = key?.name === 'return' || key?.name === 'enter';
    const leaves = key?.ctrl === true && key.name === 'd' && this.#readline.line === '';
    if (enters || leaves) this.#hideStatus();
  }

  #afterKey(key: Key | undefined): void {
    if (this.#isClosed) return;
    if (!(key?.ctrl === true && key.name === 'c')) this.#interrupts = 0;
    this.#askNext();
    if (this.#isStatusHidden) this.#show();
  }

  get #label(): string {
    return this.#question === undefined ? PROMPT : `${this.#question.label}${PROMPT}`;
  }

  #show(): void {
    if (this.#isClosed) return;
    this.#isStatusHidden = false;
    const status = this.#status.map((line) => `${this.#options.style.faint(cut(line, this.columns - 1))}\n`);
    this.#readline.setPrompt(status.join('') + this.#options.style.strong(this.#label));
    this.#readline.prompt(true);
  }

  #hideStatus(): void {
    this.#isStatusHidden = true;
    this.#readline.setPrompt(this.#options.style.strong(this.#label));
    this.#readline.prompt(true);
  }

  /** An empty prompt is of no use to what comes after it. */
  #leaveLine(): void {
    const { output } = this.#options;
    if (this.#readline.line !== '') {
      output.write('\n');
      return;
    }
    cursorTo(output, 0);
    clearScreenDown(output);
  }

  #end(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#keys.release();
    this.#leaveLine();
    for (const { answer } of [this.#question, ...this.#waiting].filter((each) => each !== undefined)) answer(undefined);
    this.#question = undefined;
    this.#waiting = [];
    this.#reader?.(undefined);
  }
}
