import { readFileSync, writeFileSync } from 'node:fs';
import { reasonOf } from './failure.js';

/** What was typed, kept in a file from one run to the next. */
export class HistoryFile {
  /** The newest first, as node:readline wants it. */
  readonly lines: readonly string[];
  readonly #path: string;
  readonly #onError: (message: string) => void;
  #isBroken = false;

  /** @param onError - told, once, that the file cannot be read or written: history then lasts as long as the process */
  constructor(path: string, onError: (message: string) => void) {
    this.#path = path;
    this.#onError = onError;
    this.lines = this.#read();
  }

  save(lines: readonly string[]): void {
    if (this.#isBroken) return;
    try {
      // For its owner: arguments of calls are in it.
      writeFileSync(this.#path, lines.toReversed().join('\n') + '\n', { mode: 0o600 });
    } catch (error) {
      this.#fail('written', error);
    }
  }

  #read(): readonly string[] {
    try {
      const lines = readFileSync(this.#path, 'utf8').split('\n');
      return lines.filter((line) => line.trim() !== '').toReversed();
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) this.#fail('read', error);
      return [];
    }
  }

  #fail(how: string, error: unknown): void {
    this.#isBroken = true;
    this.#onError(`The history cannot be ${how}: ${reasonOf(error)}`);
  }
}
