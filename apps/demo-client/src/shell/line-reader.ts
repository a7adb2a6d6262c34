import { createInterface } from 'node:readline';
import type { Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { Terminal } from './terminal.js';

export interface LineReaderOptions {
  readonly input: Readable;
  readonly output: Writable;
  /** Whether to print what was read: where nobody types it, the output would not tell what it is the answer to. */
  readonly echoes: boolean;
}

const PROMPT = '> ';
const COLUMNS = 80;

/** Commands from a file or a pipe: one line after the other, each when the one before it is done. */
export class LineReader implements Terminal {
  readonly isInteractive = false;
  readonly columns = COLUMNS;
  readonly #options: LineReaderOptions;
  readonly #readline: Interface;
  readonly #lines: AsyncIterator<string>;
  readonly #closed = new AbortController();
  #coming: Promise<IteratorResult<string>> | undefined;

  constructor(options: LineReaderOptions) {
    this.#options = options;
    this.#readline = createInterface({ input: options.input, crlfDelay: Infinity });
    this.#lines = this.#readline[Symbol.asyncIterator]();
  }

  print(lines: readonly string[]): void {
    if (lines.length > 0) this.#options.output.write(`${lines.join('\n')}\n`);
  }

  setStatus(): void {}

  read(): Promise<string | undefined> {
    return this.#next(PROMPT, this.#closed.signal);
  }

  ask(label: string, signal: AbortSignal): Promise<string | undefined> {
    return this.#next(label + PROMPT, AbortSignal.any([signal, this.#closed.signal]));
  }

  close(): void {
    this.#closed.abort();
    this.#readline.close();
  }

  async #next(prompt: string, signal: AbortSignal): Promise<string | undefined> {
    if (signal.aborted) return undefined;
    const { output, echoes } = this.#options;
    if (!echoes) output.write(prompt);
    // Kept when nobody waits for it any more: the line is for whoever reads next.
    this.#coming ??= this.#lines.next();
    const line = await unlessAborted(this.#coming, signal);
    if (line === undefined) return undefined;
    this.#coming = undefined;
    if (line.done === true) {
      if (!echoes) output.write('\n');
      return undefined;
    }
    if (echoes) output.write(`${prompt}${line.value}\n`);
    return line.value;
  }
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  let onAbort = (): void => {};
  const aborted = new Promise<undefined>((resolve) => {
    onAbort = () => resolve(undefined);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
