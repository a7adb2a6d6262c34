import { functionOption, integerOption, knownOptions } from '@asyncmcp/core';
import { toleranceOption } from './signature.js';

/** Options of {@link ReplayWindow}. */
export interface ReplayWindowOptions {
  /** The verifier's tolerance, in seconds. Default 300. */
  readonly toleranceSeconds?: number | undefined;
  /** Most ids remembered, about 200 bytes each; see {@link ReplayWindow} for what happens then. Default 50,000. */
  readonly maxEntries?: number | undefined;
  /** The clock, in milliseconds, for tests. Default Date.now. */
  readonly now?: (() => number) | undefined;
}

/**
 * What a verified delivery is:
 *
 * - `new`: not here before, or given up by the receiver ({@link ReplayWindow.release}). Deliver it, then accept or release.
 * - `pending`: the sender tries again what is being delivered at this moment. Neither deliver nor confirm it: ask for
 *   another try (503), or wait for what becomes of the first.
 * - `duplicate`: the sender tries again what was accepted, because it did not hear so. Confirm it (2xx), do not deliver it.
 * - `late`: older than what the full window has forgotten. It may be new or not: ask for another try (503), whose timestamp is
 *   later.
 * - `replay`: the very same signed delivery again, or an older try. No sender does that. Refuse it (401).
 */
export type ReplayVerdict = 'new' | 'pending' | 'duplicate' | 'late' | 'replay';

/** What became of the latest try of an id. */
const PENDING = 0;
const ACCEPTED = 1;
const RELEASED = 2;
type State = typeof PENDING | typeof ACCEPTED | typeof RELEASED;

/**
 * The latest try's timestamp, in seconds since the window was made, times four, plus its {@link State}: small integers cost the
 * garbage collector nothing, tens of thousands of objects do.
 */
type Seen = number;

/** What was seen in one half of the window. */
interface Generation {
  readonly entries: Map<string, Seen>;
  readonly since: number;
  /** The latest timestamp among them. */
  latest: number;
}

/**
 * Remembers the webhook ids seen, so that nobody who captured a delivery can have it delivered again while its signature is
 * good.
 *
 * A sender's retry has the id of the first try and a later timestamp, both signed; a captured delivery has the timestamp it had.
 * That tells a duplicate, which a sender must be told is done, from an attack. So ask only about what was verified, and let the
 * sender give each try a later second.
 *
 * An id is kept for twice the tolerance after its latest try at least: a sender whose clock is ahead by all of the tolerance
 * makes signatures that are good for as long. Where there are too many for the memory, the older half is forgotten early, and
 * from then on an id that is not known is new only with a timestamp after all of those: full, the window refuses late
 * deliveries, whose senders try again with a new timestamp, rather than accept one twice. core's DuplicateWindow, which this
 * resembles, forgets without a trace.
 *
 * Clocks of senders that share a window should agree: once it is full, what one signs whose clock is behind another's by more than half of
 * a window lasts is refused as late, for as long as there is so much to remember.
 *
 * Have one window for each set of secrets: one sender's ids could otherwise pass for another's, or crowd them out. It knows what
 * this process has seen, and nothing from before its start.
 */
export class ReplayWindow {
  readonly #now: () => number;
  readonly #turnAfterMs: number;
  readonly #maxPerGeneration: number;
  /** What timestamps are counted from, in seconds. */
  readonly #epoch: number;
  #current: Generation;
  #previous: Generation;
  /** The latest timestamp among all that is forgotten. */
  #forgotten = -1;
  /** What was remembered last. */
  readonly #last: { id: string; seen: Seen; generation: Generation | undefined } = {
    id: '',
    seen: RELEASED,
    generation: undefined,
  };

  /** @throws AsyncMcpError `ERR_INVALID_OPTION` */
  constructor(options: ReplayWindowOptions = {}) {
    knownOptions('ReplayWindow', options, ['toleranceSeconds', 'maxEntries', 'now']);
    this.#now = functionOption('now', options.now ?? Date.now);
    // One second more: timestamps are whole ones. Then no signature that is forgotten by age is still good, and none refused for it.
    this.#turnAfterMs = (2 * toleranceOption(options.toleranceSeconds) + 1) * 1000;
    const entries = { min: 2, max: 10_000_000, fallback: 50_000 };
    this.#maxPerGeneration = Math.floor(integerOption('maxEntries', options.maxEntries, entries) / 2);
    this.#epoch = Math.floor(this.#now() / 1000);
    this.#current = this.#newGeneration();
    this.#previous = this.#newGeneration();
  }

  /** Ids now remembered. */
  get size(): number {
    return this.#current.entries.size + this.#previous.entries.size;
  }

  /**
   * Notes one verified try and says what to do with it. After `new`, end with {@link accept} or {@link release}.
   *
   * @param timestamp - the verified one, in seconds
   */
  claim(id: string, timestamp: number): ReplayVerdict {
    this.#age();
    const seen = this.#find(id);
    if (seen === undefined) return timestamp <= this.#forgotten ? 'late' : this.#note(id, timestamp, PENDING, 'new');
    if (timestamp <= this.#timestampOf(seen)) return 'replay';
    this.#current.entries.delete(id);
    this.#previous.entries.delete(id);
    const state = stateOf(seen);
    if (state === ACCEPTED) return this.#note(id, timestamp, ACCEPTED, 'duplicate');
    return this.#note(id, timestamp, PENDING, state === PENDING ? 'pending' : 'new');
  }

  /** The delivery was handled; further tries are duplicates. */
  accept(id: string): void {
    this.#settle(id, ACCEPTED);
  }

  /** The delivery was not handled, and the sender is told so: its next try is new again. The same one is still a replay. */
  release(id: string): void {
    this.#settle(id, RELEASED);
  }

  #settle(id: string, state: State): void {
    // Nearly always it is the one that was noted last, and is still as it was noted: it need not be looked up.
    const last = this.#last;
    if (last.id === id && last.generation === this.#current) {
      if (stateOf(last.seen) === PENDING) this.#remember(id, last.seen + state);
    } else if (!settleIn(this.#current, id, state)) settleIn(this.#previous, id, state);
  }

  #find(id: string): Seen | undefined {
    const seen = this.#current.entries.get(id);
    return seen === undefined && this.#previous.entries.size > 0 ? this.#previous.entries.get(id) : seen;
  }

  /** Notes the latest try, which is what counts for how long an id is kept. */
  #note(id: string, timestamp: number, state: State, verdict: ReplayVerdict): ReplayVerdict {
    if (this.#current.entries.size >= this.#maxPerGeneration) this.#turn();
    this.#remember(id, (timestamp - this.#epoch) * 4 + state);
    this.#current.latest = Math.max(this.#current.latest, timestamp);
    return verdict;
  }

  #remember(id: string, seen: Seen): void {
    this.#current.entries.set(id, seen);
    const last = this.#last;
    last.id = id;
    last.seen = seen;
    last.generation = this.#current;
  }

  #timestampOf(seen: Seen): number {
    return Math.floor(seen / 4) + this.#epoch;
  }

  #age(): void {
    if (this.#now() - this.#current.since >= this.#turnAfterMs) this.#turn();
  }

  #turn(): void {
    this.#forgotten = Math.max(this.#forgotten, this.#previous.latest);
    this.#previous = this.#current;
    this.#current = this.#newGeneration();
  }

  #newGeneration(): Generation {
    return { entries: new Map(), since: this.#now(), latest: -1 };
  }
}

/** Whether the id is there. */
function settleIn({ entries }: Generation, id: string, state: State): boolean {
  const seen = entries.get(id);
  if (seen === undefined) return false;
  if (stateOf(seen) === PENDING) entries.set(id, seen + state);
  return true;
}

function stateOf(seen: Seen): number {
  return seen - Math.floor(seen / 4) * 4;
}
