import type * as Jest from '@jest/globals';

/** What a contract needs of jest. */
export type JestGlobals = Pick<typeof Jest, 'afterEach' | 'beforeEach' | 'describe' | 'expect' | 'it'>;

/**
 * jest's functions, looked up when a contract is registered. `@jest/globals` throws when it is imported outside jest, and
 * this package is also used by processes that a test starts.
 */
export function jestGlobals(): JestGlobals {
  if (!('describe' in globalThis && 'expect' in globalThis)) {
    throw new Error('A contract registers jest cases: call it in a test file, with jest’s `injectGlobals` left on');
  }
  return globalThis as unknown as JestGlobals;
}
