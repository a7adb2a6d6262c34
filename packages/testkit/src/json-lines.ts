import { createDeferred } from './deferred.js';
import type { Deferred } from './deferred.js';

export type JsonLine = Readonly<Record<string, unknown>>;

export interface NextLineOptions {
  /** How long to wait, in milliseconds. Default 10,000. */
  timeoutMs?: number;
}

interface Taker {
  readonly predicate: (line: JsonLine) => boolean;
  readonly taken: Deferred<JsonLine>;
}

/** The JSON objects a process has printed, each handed out once. */
export class JsonLines {
  readonly #all: JsonLine[] = [];
  readonly #waiting: JsonLine[] = [];
  readonly #takers = new Set<Taker>();
  #ended: (() => Error) | undefined;

  get all(): readonly JsonLine[] {
    return this.#all;
  }

  push(line: JsonLine): void {
    this.#all.push(line);
    for (const taker of this.#takers) {
      if (!taker.predicate(line)) continue;
      // now: the next line may be pushed before whoever waits runs again
      this.#takers.delete(taker);
      return taker.taken.resolve(line);
    }
    this.#waiting.push(line);
  }

  /** There will be no more: who waits, now or later, gets this error. */
  end(reason: () => Error): void {
    this.#ended = reason;
    for (const taker of this.#takers) taker.taken.reject(reason());
  }

  async next(predicate: (line: JsonLine) => boolean, timeoutMs: number, timeUp: () => Error): Promise<JsonLine> {
    const index = this.#waiting.findIndex(predicate);
    const [line] = index === -1 ? [] : this.#waiting.splice(index, 1);
    if (line !== undefined) return line;
    if (this.#ended !== undefined) throw this.#ended();
    const taker: Taker = { predicate, taken: createDeferred<JsonLine>() };
    const timer = setTimeout(() => taker.taken.reject(timeUp()), timeoutMs);
    this.#takers.add(taker);
    try {
      return await taker.taken.promise;
    } finally {
      clearTimeout(timer);
      this.#takers.delete(taker);
    }
  }
}

/** The JSON object on a line; undefined for any other text. */
export function parseJsonLine(text: string): JsonLine | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    return JSON.parse(text) as JsonLine;
  } catch {
    return undefined;
  }
}
