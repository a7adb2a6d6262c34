import { jestGlobals } from './jest-globals.js';
import {
  concurrencyCases,
  endingCases,
  expiryCases,
  independenceCases,
  recordCases,
  sharedCases,
} from './session-store-cases.js';
import type { SessionStore } from '@asyncmcp/core';

/** What a case gets to work with. */
export interface SessionStoreFixture {
  readonly store: SessionStore;
  /** A second handle on the same records, such as another process would have. */
  readonly other?: SessionStore;
  readonly teardown?: () => Promise<void>;
}

export interface SessionStoreContractOptions {
  /** The store's name in the test report. */
  name: string;
  /** Called before every case: an empty store. */
  setup: () => SessionStoreFixture | Promise<SessionStoreFixture>;
  /** Whether the fixture has `other`. Default false: the cases that need it are not registered. */
  shared?: boolean;
  /** What the store does not do, with the reason; those cases are not registered. */
  exceptions?: { independence?: string };
}

/** Registers the cases every `SessionStore` has to pass. */
export function sessionStoreContract(options: SessionStoreContractOptions): void {
  const { name, setup, shared = false, exceptions = {} } = options;
  const { afterEach, beforeEach, describe } = jestGlobals();
  const independent = isHeld(exceptions.independence);

  describe(`SessionStore contract: ${name}`, () => {
    let fixture: SessionStoreFixture | undefined;
    const current = (): SessionStoreFixture => {
      if (fixture === undefined) throw new Error('setup() has not run');
      return fixture;
    };
    beforeEach(async () => {
      fixture = await setup();
    });
    afterEach(async () => {
      await fixture?.teardown?.();
      fixture = undefined;
    });

    const store = () => current().store;
    describe('records', () => recordCases(store));
    if (independent) describe('independence', () => independenceCases(store));
    describe('delete and touch', () => endingCases(store));
    describe('expiry', () => expiryCases(store));
    describe('at the same time', () => concurrencyCases(store));
    if (shared) describe('two handles', () => sharedCases(store, () => otherOf(current())));
  });
}

function otherOf(fixture: SessionStoreFixture): SessionStore {
  if (fixture.other === undefined) throw new Error('setup() must return `other` for a shared store');
  return fixture.other;
}

/** An exception nobody can explain is none. */
function isHeld(exception: string | undefined): boolean {
  if (exception?.trim() === '') throw new Error('An exception from the contract needs its reason');
  return exception === undefined;
}
