import { retry } from '@asyncmcp/core';
import { isTransient } from './aws-errors.js';
import type { RetryOptions } from '@asyncmcp/core';
import type { BatchOutcome } from './batcher.js';

/**
 * Tries a batch again until every item has its final outcome, one for each in their order. For FIFO queues: were failed
 * items tried again one by one, what came after them would overtake them. Never rejects.
 *
 * @param attempt - one try: an outcome for each item, in their order; never rejects
 */
export async function sendInOrder<Item>(
  items: readonly Item[],
  attempt: (items: readonly Item[]) => Promise<BatchOutcome<void>[]>,
  options: Omit<RetryOptions, 'isTransient'>,
): Promise<BatchOutcome<void>[]> {
  // When closing there is one try and no more.
  if (options.signal.aborted) return attempt(items);
  const outcomes = new Map<Item, BatchOutcome<void>>();
  const tryRest = async (): Promise<void> => {
    const rest = items.filter((item) => mayPass(outcomes.get(item)));
    const results = await attempt(rest);
    rest.forEach((item, index) => outcomes.set(item, results[index] ?? MISSING));
    const failure = results.find((outcome) => mayPass(outcome));
    if (failure?.ok === false) throw failure.error;
  };
  // What it rejects with is the error of one item; each item's own is in its outcome.
  await retry(tryRest, { ...options, isTransient }).catch(() => {});
  return items.map((item) => outcomes.get(item) ?? MISSING);
}

const MISSING: BatchOutcome<void> = { ok: false, error: new Error('a try ended without an outcome') };

/** Whether an item is still to be tried: it never was, or its failure may pass. */
function mayPass(outcome: BatchOutcome<void> | undefined): boolean {
  return outcome === undefined || (!outcome.ok && isTransient(outcome.error));
}
