import { sum } from './statistics.js';

/** AWS API calls by action: `{ SendMessageBatch: 12 }`. */
export type ApiCalls = Readonly<Record<string, number>>;

/** What a process has used since it began. */
export interface Usage {
  readonly api: ApiCalls;
  /** CPU time, user and system, in milliseconds. */
  readonly cpuMs: number;
}

export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** What was used between two moments. */
export function usageBetween(before: Usage, after: Usage): Usage {
  const actions = Object.keys(after.api);
  const api = Object.fromEntries(
    actions.map((action) => [action, (after.api[action] ?? 0) - (before.api[action] ?? 0)]),
  );
  return { api, cpuMs: after.cpuMs - before.cpuMs };
}

export function addApiCalls(...all: readonly ApiCalls[]): ApiCalls {
  const actions = new Set(all.flatMap((calls) => Object.keys(calls)));
  return Object.fromEntries([...actions].map((action) => [action, sum(all.map((calls) => calls[action] ?? 0))]));
}

export function totalOf(calls: ApiCalls): number {
  return sum(Object.values(calls));
}
