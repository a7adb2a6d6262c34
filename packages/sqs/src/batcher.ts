import { AsyncMcpError } from '@asyncmcp/core';

/** What became of one item of a batch. */
export type BatchOutcome<Result> =
  { readonly ok: true; readonly value: Result } | { readonly ok: false; readonly error: unknown };

export interface BatcherOptions<Item, Result> {
  /** Most items of one batch. */
  readonly maxEntries: number;
  /** Most bytes of one batch, as `sizeOf` counts them. A larger item travels alone. Default: unlimited. */
  readonly maxBytes?: number;
  /** Size of an item, in bytes. Default: 0. */
  readonly sizeOf?: (item: Item) => number;
  /** Called when nothing is waiting or in flight any more. */
  readonly onIdle?: () => void;
  /** Most calls of `run` at a time. Default 1. */
  readonly maxInFlight?: number;
  /**
   * When what was added begins to leave: `microtask`, before anything else happens, or `turn`, after what is about to happen
   * anyway has begun. Default `microtask`.
   */
  readonly start?: 'microtask' | 'turn';
  /** Handles one batch: one outcome for each item, in the same order. If it throws, all its items are rejected. */
  readonly run: (items: Item[]) => Promise<readonly BatchOutcome<Result>[]>;
}

export interface Batcher<Item, Result> {
  /** Resolves or rejects with the outcome of this item. */
  add(item: Item): Promise<Result>;
  /** Resolves when nothing is waiting or in flight. */
  idle(): Promise<void>;
  /** Items waiting or in flight. */
  readonly pending: number;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly bytes: number;
  resolve(value: Result): void;
  reject(error: unknown): void;
}

/**
 * Natural batching: an item goes at once when nothing is in flight, and what queues up behind a call goes together in
 * the next. A further call beside one in flight starts only for a full batch. Nothing ever waits for a timer.
 */
export function createBatcher<Item, Result>(options: BatcherOptions<Item, Result>): Batcher<Item, Result> {
  const { maxEntries, maxBytes = Infinity, sizeOf = () => 0, maxInFlight = 1 } = options;
  const defer = options.start === 'turn' ? setImmediate : queueMicrotask;
  const waiting: Waiting<Item, Result>[] = [];
  const idleWaiters: (() => void)[] = [];
  let waitingBytes = 0;
  let pending = 0;
  let inFlight = 0;
  let scheduled = false;

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    // Not at once, so that what is added in one go, ten acks say, leaves in one call.
    defer(() => {
      scheduled = false;
      startBatches(inFlight === 0);
    });
  }

  /** Starts a batch even if it is not full when `atOnce`, and full ones as long as there is room. */
  function startBatches(atOnce: boolean): void {
    let unconditional = atOnce;
    while (waiting.length > 0 && inFlight < maxInFlight && (unconditional || isFull())) {
      unconditional = false;
      void runBatch(takeBatch());
    }
  }

  function isFull(): boolean {
    return waiting.length >= maxEntries || waitingBytes >= maxBytes;
  }

  function takeBatch(): Waiting<Item, Result>[] {
    let count = 0;
    let bytes = 0;
    for (const entry of waiting) {
      if (count === maxEntries || (count > 0 && bytes + entry.bytes > maxBytes)) break;
      count += 1;
      bytes += entry.bytes;
    }
    waitingBytes -= bytes;
    return waiting.splice(0, count);
  }

  async function runBatch(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    inFlight += 1;
    try {
      const outcomes = await options.run(batch.map((entry) => entry.item));
      batch.forEach((entry, index) => settle(entry, outcomes[index]));
    } catch (error) {
      for (const entry of batch) entry.reject(error);
    }
    inFlight -= 1;
    pending -= batch.length;
    startBatches(true);
    if (pending > 0) return;
    options.onIdle?.();
    for (const resolve of idleWaiters.splice(0)) resolve();
  }

  return {
    add(item) {
      return new Promise((resolve, reject) => {
        const bytes = sizeOf(item);
        waiting.push({ item, bytes, resolve, reject });
        waitingBytes += bytes;
        pending += 1;
        schedule();
      });
    },
    async idle() {
      if (pending === 0) return;
      await new Promise<void>((resolve) => {
        idleWaiters.push(resolve);
      });
    },
    get pending() {
      return pending;
    },
  };
}

function settle<Item, Result>(entry: Waiting<Item, Result>, outcome: BatchOutcome<Result> | undefined): void {
  if (outcome === undefined)
    entry.reject(new AsyncMcpError('ERR_INTERNAL', 'A batch was run without an outcome for each of its items.'));
  else if (outcome.ok) entry.resolve(outcome.value);
  else entry.reject(outcome.error);
}
