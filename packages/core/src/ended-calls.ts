import { DuplicateWindow } from './duplicate-window.js';
import type { RequestId } from '@modelcontextprotocol/sdk/types.js';

/** So many ended calls of a session are remembered, if their ids are not long. */
const MAX_CALLS = 512;
/** Longest that the remembered ids are in all, in characters: a stranger chose them. */
const MAX_LENGTH = 32 * 1024;
/** After this long without a call none of them is remembered, in milliseconds: who takes a session up again counts its ids anew. */
const REMEMBERED_FOR_MS = 10 * 60_000;
/** Bounds of the cancellations that are remembered for calls which are still to come. */
const CANCELLED = { maxEntries: MAX_CALLS, ttlMs: REMEMBERED_FOR_MS, maxWeight: MAX_LENGTH };

/**
 * What became of a session's latest calls, as far as their cancellation wants to know. Every call is written down here, and only a
 * cancellation ever looks: so it is a ring, which is read from end to end but costs next to nothing to add to.
 */
export class EndedCalls {
  #answered: RequestId[] = [];
  #next = 0;
  #length = 0;
  #lastAt = 0;
  /** Made when a cancellation comes before its call for the first time. */
  #cancelled: DuplicateWindow<true, RequestId> | undefined;

  /** Remembers that a call has ended, or that it will not run. */
  add(id: RequestId): void {
    this.#length += lengthOf(id) - lengthOf(this.#answered[this.#next]);
    if (this.#length > MAX_LENGTH) {
      this.#answered = [];
      this.#next = 0;
      this.#length = lengthOf(id);
    }
    this.#answered[this.#next] = id;
    this.#next = (this.#next + 1) % MAX_CALLS;
    this.#lastAt = Date.now();
    this.#cancelled?.delete(id);
  }

  /** Whether a call has ended of late. (The ids 1 and '1' are two, as they are to JSON-RPC.) */
  has(id: RequestId): boolean {
    return Date.now() - this.#lastAt < REMEMBERED_FOR_MS && this.#answered.includes(id);
  }

  /** Remembers the cancellation of a call that is still to come: standard queues reorder. */
  cancelAhead(id: RequestId): void {
    this.#cancelled ??= new DuplicateWindow(CANCELLED);
    this.#cancelled.add(id, true, lengthOf(id));
  }

  /** Whether a call was cancelled before it came. */
  isCancelledAhead(id: RequestId): boolean {
    return this.#cancelled?.has(id) === true;
  }
}

function lengthOf(id: RequestId | undefined): number {
  return typeof id === 'string' ? id.length : 0;
}
