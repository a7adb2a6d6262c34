import { DuplicateWindow } from '@asyncmcp/core';
import type { LookupAddress, LookupAllOptions } from 'node:dns';
import type { LookupAll } from './url-guard.js';

type Callback = Parameters<LookupAll>[2];

/** Slower than this, and somebody's DNS is ill, in milliseconds. */
const SLOW_MS = 1000;

/**
 * Node resolves names on threads of libuv, two at a time (half of its threads, UV_THREADPOOL_SIZE); a name whose DNS does not answer takes
 * one of them for ten seconds and more. So many may be taken by names of which nothing is known, and by those that were slow.
 */
const PLACES = { unknown: 1, slow: 1, quick: Infinity } as const;

/**
 * Whoever waits for a place longer than this, in milliseconds, is told that the DNS does not answer: by then its connection has timed out,
 * and a name that nobody waits for any more is not to keep those out that come after it. Who still wants it asks again.
 */
const WAITS_MS = 5000;

type Standing = keyof typeof PLACES;

/** What is remembered of a name. */
interface Known {
  readonly standing: Standing;
  /** What it resolved to last. */
  readonly addresses: readonly LookupAddress[];
}

const NOTHING: Known = { standing: 'unknown', addresses: [] };
const MEMORY = { maxEntries: 10_000, ttlMs: 600_000 };

interface Waiter {
  readonly callback: Callback;
  /** Until what it resolved to last will do. */
  timer?: NodeJS.Timeout;
}

/** One name that is being resolved, for all who ask meanwhile. */
interface Lookup {
  readonly key: string;
  readonly hostname: string;
  readonly options: LookupAllOptions;
  readonly standing: Standing;
  readonly waiters: Set<Waiter>;
  /** When the last of them asked. */
  askedAt: number;
}

/**
 * A lookup that names whose DNS does not answer cannot take for themselves: whoever opens a session may name a host of theirs. Each name is
 * resolved once for all who ask at the same time; those that are not known to be quick wait for one of a few places; and where a name
 * that was resolved within the last minutes is slow all of a sudden, what it resolved to then is used.
 */
export function createFairLookup(lookup: LookupAll, now: () => number = Date.now): LookupAll {
  const memory = new DuplicateWindow<Known>(MEMORY);
  const open = new Map<string, Lookup>();
  const queues: Record<Standing, Lookup[]> = { unknown: [], slow: [], quick: [] };
  const running: Record<Standing, number> = { unknown: 0, slow: 0, quick: 0 };

  function begin(key: string, hostname: string, options: LookupAllOptions): Lookup {
    const { standing } = memory.get(key) ?? NOTHING;
    const begun: Lookup = { key, hostname, options, standing, waiters: new Set(), askedAt: 0 };
    open.set(key, begun);
    queues[standing].push(begun);
    return begun;
  }

  function runNext(standing: Standing): void {
    if (running[standing] >= PLACES[standing]) return;
    const next = nextOf(queues[standing]);
    if (next === undefined) return;
    running[standing]++;
    const startedAt = now();
    const done = (error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]): void => {
      running[standing]--;
      open.delete(next.key);
      finish(next, error, addresses, now() - startedAt > SLOW_MS);
      runNext(standing);
    };
    try {
      lookup(next.hostname, next.options, done);
    } catch (error) {
      done(error as NodeJS.ErrnoException, []);
    }
  }

  /** The first in a queue that somebody still waits for. */
  function nextOf(queue: Lookup[]): Lookup | undefined {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      if (now() - next.askedAt <= WAITS_MS) return next;
      open.delete(next.key);
      finish(next, waitedTooLong(next.hostname), [], false);
    }
    return undefined;
  }

  function finish(
    { key, waiters }: Lookup,
    error: NodeJS.ErrnoException | null,
    addresses: readonly LookupAddress[],
    wasSlow: boolean,
  ): void {
    const before = memory.get(key) ?? NOTHING;
    const found = error === null ? addresses : before.addresses;
    if (error === null || wasSlow) memory.add(key, { standing: wasSlow ? 'slow' : 'quick', addresses: found });
    // "Temporary failure in name resolution": the DNS does not answer, which says nothing of the name.
    const isKnown = error?.code === 'EAI_AGAIN' && found.length > 0;
    for (const { callback, timer } of waiters) {
      clearTimeout(timer);
      if (error === null || isKnown) callback(null, [...found]);
      else callback(error, []);
    }
  }

  return (hostname, options, callback) => {
    const key = JSON.stringify([hostname, options.family, options.hints]);
    const asked = open.get(key) ?? begin(key, hostname, options);
    const { waiters, standing } = asked;
    const waiter: Waiter = { callback };
    waiters.add(waiter);
    asked.askedAt = now();
    const { addresses } = memory.get(key) ?? NOTHING;
    if (addresses.length > 0) {
      waiter.timer = setTimeout(() => {
        if (waiters.delete(waiter)) callback(null, [...addresses]);
      }, SLOW_MS);
    }
    runNext(standing);
  };
}

/** As node says it when the DNS does not answer. */
function waitedTooLong(hostname: string): NodeJS.ErrnoException {
  const text = `getaddrinfo EAI_AGAIN ${hostname}: other names whose DNS does not answer were before it`;
  return Object.assign(new Error(text), { code: 'EAI_AGAIN', syscall: 'getaddrinfo', hostname });
}
