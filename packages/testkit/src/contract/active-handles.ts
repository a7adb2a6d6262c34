import { setTimeout as sleep } from 'node:timers/promises';

/** What keeps a process alive, by kind and number. */
export type HandleCounts = ReadonlyMap<string, number>;

const INTERVAL_MS = 10;

export function activeHandles(): HandleCounts {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

/** The kinds of handles there are more of than before, after giving them some time to go away; in milliseconds. */
export async function handlesLeft(
  before: HandleCounts,
  ignored: readonly string[],
  patienceMs: number,
): Promise<string[]> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    // No timer runs while it looks: it would count it.
    const left = added(before, ignored);
    if (left.length === 0 || Date.now() > deadline) return left;
    await sleep(INTERVAL_MS);
  }
}

function added(before: HandleCounts, ignored: readonly string[]): string[] {
  return [...activeHandles()]
    .filter(([kind, count]) => !ignored.includes(kind) && count > (before.get(kind) ?? 0))
    .map(([kind, count]) => `${kind}: ${count}, before: ${before.get(kind) ?? 0}`);
}
