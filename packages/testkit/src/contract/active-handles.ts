/** What keeps a process alive, by kind and number. */
export type HandleCounts = ReadonlyMap<string, number>;

export function activeHandles(): HandleCounts {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

/** The kinds there are more of than before, apart from those in `ignored`. */
export function addedHandles(before: HandleCounts, ignored: readonly string[]): string[] {
  return [...activeHandles()]
    .filter(([kind, count]) => !ignored.includes(kind) && count > (before.get(kind) ?? 0))
    .map(([kind, count]) => `${kind}: ${count}, before: ${before.get(kind) ?? 0}`);
}
