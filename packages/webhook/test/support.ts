import { isIP } from 'node:net';
import type { LookupAll } from '../src/index.js';

/** What `make` throws. */
export function failureOf(make: () => unknown): unknown {
  try {
    make();
  } catch (error) {
    return error;
  }
  throw new Error('Nothing was thrown, and something should have been');
}

/** TCP sockets that this process has open, those that listen included. */
export function openSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name.startsWith('TCP')).length;
}

/** Addresses for a name, in place of DNS. Each call takes the next answer; the last one stays. */
export function stubLookup(...answers: (readonly string[] | Error)[]): LookupAll & { readonly names: string[] } {
  const names: string[] = [];
  const lookup: LookupAll = (hostname, _options, callback) => {
    const answer = answers[Math.min(names.length, answers.length - 1)] ?? [];
    names.push(hostname);
    // Like DNS, not at once.
    setImmediate(() => {
      if (answer instanceof Error) return callback(answer, []);
      callback(
        null,
        answer.map((address) => ({ address, family: isIP(address) })),
      );
    });
  };
  return Object.assign(lookup, { names });
}
