import { setTimeout as sleep } from 'node:timers/promises';

/** How an HTTP request was answered. */
export interface HttpAnswer {
  /** Undefined where there was no answer. */
  readonly status: number | undefined;
  /** The content type of its body. */
  readonly type?: string | undefined;
  /** How long it took until it began. */
  readonly elapsedMs: number;
  /** When it ended, on the clock of `performance.now()`; undefined while it goes on. Until then a connection is held for it. */
  endedAt?: number | undefined;
}

/** Takes what becomes of an HTTP request. */
export interface RequestRecord {
  /** It was answered. Without a status: it was not, and will not be. */
  answered(status: number | undefined, type?: string): void;
  /** Its answer is over, or it has failed. */
  ended(): void;
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
  /** Whether it only counts. */
  readonly countsOnly: boolean;
  #entries: TraceEntry[] = [];
  #messages = 0;
  #bytes = 0;
  readonly #awaited = new Set<TraceEntry>();

  /** @param options - `countsOnly`: keeps no entries, for whoever does not take them. Default: it keeps them. */
  constructor({ countsOnly = false }: { readonly countsOnly?: boolean } = {}) {
    this.countsOnly = countsOnly;
  }

  /** How many messages travelled so far. */
  get messages(): number {
    return this.#messages;
  }

  /** How much they weighed. */
  get bytes(): number {
    return this.#bytes;
  }

  record(entry: TraceEntry): void {
    if (!this.countsOnly) this.#entries.push(entry);
    if (entry.bytes === undefined) return;
    this.#messages++;
    this.#bytes += entry.bytes;
  }

  /** The entries since they were last taken. */
  get entries(): readonly TraceEntry[] {
    return this.#entries;
  }

  /** Records an HTTP request, and what becomes of it. */
  recordRequest(request: TraceEntry): RequestRecord {
    const entry: TraceEntry = { ...request, answer: 'awaited' };
    this.record(entry);
    this.#awaited.add(entry);
    const answered: RequestRecord['answered'] = (status, type) => {
      if (!this.#awaited.delete(entry)) return;
      entry.answer = { status, type, elapsedMs: performance.now() - entry.at, endedAt: undefined };
      entry.refused = status === undefined || status >= 400;
    };
    return {
      answered,
      ended() {
        answered(undefined);
        if (typeof entry.answer === 'object') entry.answer.endedAt ??= performance.now();
      },
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
