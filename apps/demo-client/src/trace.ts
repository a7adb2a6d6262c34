import { setTimeout as sleep } from 'node:timers/promises';

/** How an HTTP request was answered. */
export interface HttpAnswer {
  /** Undefined where there was no answer. */
  readonly status: number | undefined;
  /** How long it took. */
  readonly elapsedMs: number;
}

/** One thing that was seen to happen on a channel: a message that travelled, or the channel itself coming and going. */
export interface TraceEntry {
  readonly kind: 'sent' | 'received' | 'created' | 'deleted';
  /** The queue's name, the topic's with `topic ` before it, or the kind of an HTTP request. */
  readonly channel: string;
  /** What travelled, in a few words. */
  readonly what: string;
  /** Size of a message as the broker counts it, attributes included; of an HTTP request its body. */
  readonly bytes?: number;
  /** When, on the clock of `performance.now()`. */
  readonly at: number;
  /** Set when the broker, or whom it was posted to, did not take what was sent. */
  refused?: boolean;
  /** Of an HTTP request only. */
  answer?: HttpAnswer | 'awaited';
}

/** How long answers are waited for that are still to come, in milliseconds: a reply may be here before the yes to its request. */
const ANSWERS_MS = 1000;
const LOOK_MS = 2;

/** What an observer of a wire has seen. */
export class Trace {
  #entries: TraceEntry[] = [];
  #messages = 0;
  #bytes = 0;
  readonly #awaited = new Set<TraceEntry>();

  /** How many messages travelled so far. */
  get messages(): number {
    return this.#messages;
  }

  /** How much they weighed. */
  get bytes(): number {
    return this.#bytes;
  }

  record(entry: TraceEntry): void {
    this.#entries.push(entry);
    if (entry.bytes === undefined) return;
    this.#messages++;
    this.#bytes += entry.bytes;
  }

  /** Records an HTTP request. The result takes the status it was answered with, or undefined if it was not. */
  recordRequest(request: TraceEntry): (status: number | undefined) => void {
    const entry: TraceEntry = { ...request, answer: 'awaited' };
    this.record(entry);
    this.#awaited.add(entry);
    return (status) => {
      if (!this.#awaited.delete(entry)) return;
      entry.answer = { status, elapsedMs: performance.now() - entry.at };
      entry.refused = status === undefined || status >= 400;
    };
  }

  /** Waits until what was recorded is answered, but not for long. */
  async answered(): Promise<void> {
    const deadline = performance.now() + ANSWERS_MS;
    while (this.#awaited.size > 0 && performance.now() < deadline) await sleep(LOOK_MS);
  }

  /** The entries since the last time. */
  take(): readonly TraceEntry[] {
    const entries = this.#entries;
    this.#entries = [];
    return entries;
  }
}
