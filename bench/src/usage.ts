import { sum } from './statistics.js';

/** What was sent over the network, by kind: AWS API calls by action, HTTP requests by method: `{ SendMessageBatch: 12 }`. */
export type RequestCounts = Readonly<Record<string, number>>;

/** What a process has used since it began. */
export interface Usage {
  readonly requests: RequestCounts;
  /** CPU time, user and system, in milliseconds. */
  readonly cpuMs: number;
}

export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** What was used between two moments. */
export function usageBetween(before: Usage, after: Usage): Usage {
  const kinds = Object.keys(after.requests);
  const requests = Object.fromEntries(
    kinds.map((kind) => [kind, (after.requests[kind] ?? 0) - (before.requests[kind] ?? 0)]),
  );
  return { requests, cpuMs: after.cpuMs - before.cpuMs };
}

export function addRequests(...all: readonly RequestCounts[]): RequestCounts {
  const kinds = new Set(all.flatMap((counts) => Object.keys(counts)));
  return Object.fromEntries([...kinds].map((kind) => [kind, sum(all.map((counts) => counts[kind] ?? 0))]));
}

export function totalOf(requests: RequestCounts): number {
  return sum(Object.values(requests));
}
