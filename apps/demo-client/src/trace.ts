/** One thing that was seen to happen on a channel: a message that travelled, or the channel itself coming and going. */
export interface TraceEntry {
  readonly kind: 'sent' | 'received' | 'created' | 'deleted';
  /** The queue's name, or the topic's with `topic ` before it. */
  readonly channel: string;
  /** What travelled, in a few words. */
  readonly what: string;
  /** Size of a message as the broker counts it, attributes included. */
  readonly bytes?: number;
  /** When, on the clock of `performance.now()`. */
  readonly at: number;
  /** Set when the broker did not take what was sent. */
  refused?: boolean;
}

/** What an observer of a wire has seen. */
export class Trace {
  #entries: TraceEntry[] = [];
  #messages = 0;
  #bytes = 0;

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

  /** The entries since the last time. */
  take(): readonly TraceEntry[] {
    const entries = this.#entries;
    this.#entries = [];
    return entries;
  }
}
