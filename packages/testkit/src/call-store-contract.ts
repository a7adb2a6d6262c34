import { randomBytes } from 'node:crypto';
import { jestGlobals } from './jest-globals.js';
import { until } from './until.js';
import type { CallOutcome, CallStore } from '@asyncmcp/core';

/** What a case gets to work with. */
export interface CallStoreFixture {
  readonly store: CallStore;
  /** A second handle on the same calls, such as another process would have; the same store where there is none. */
  readonly other: CallStore;
  readonly teardown?: () => Promise<void>;
}

export interface CallStoreContractOptions {
  /** The store's name in the test report. */
  name: string;
  /** Called before every case: an empty store. */
  setup: () => CallStoreFixture | Promise<CallStoreFixture>;
}

/** Long enough that nothing runs out during a test, however slow the machine. */
const LONG_MS = 60_000;

/** Short, and never expected to be still there. */
const SHORT_MS = 30;

const CLAIMED = { state: 'claimed', times: 1 } as const;
const HELD = { state: 'held' } as const;

const OUTCOME: CallOutcome = {
  reply: {
    address: 'https://sqs.eu-west-1.amazonaws.com/123456789012/ünïcödé',
    sessionId: 'session-1',
    clientId: 'client "1"\n',
    message: '{"jsonrpc":"2.0","id":1,"result":{"text":"日本語 🧵\\n"}}',
  },
};

/** Registers the cases every `CallStore` has to pass. */
export function callStoreContract({ name, setup }: CallStoreContractOptions): void {
  const { afterEach, beforeEach, describe, expect, it } = jestGlobals();

  describe(`CallStore contract: ${name}`, () => {
    let fixture: CallStoreFixture | undefined;
    let store: CallStore;
    let other: CallStore;
    let id: string;
    beforeEach(async () => {
      fixture = await setup();
      ({ store, other } = fixture);
      id = newId();
    });
    afterEach(async () => {
      await fixture?.teardown?.();
      fixture = undefined;
    });

    /** Resolves when somebody else gets the call. */
    const getsIt = (claimant: string) =>
      until(async () => (await other.claim(id, claimant, LONG_MS)).state === 'claimed', {
        message: `${claimant} to get the call`,
      });

    /** Resolves when a claim of `SHORT_MS` has run out that was made before. */
    const hasRunOut = async () => {
      const later = newId();
      await store.claim(later, 'ada', SHORT_MS);
      await until(async () => (await store.claim(later, 'grace', LONG_MS)).state === 'claimed', {
        message: 'a claim to run out',
      });
    };

    describe('claims', () => {
      it('gives a call to the first who claims it', async () => {
        expect(await store.claim(id, 'ada', LONG_MS)).toEqual(CLAIMED);
        expect(await other.claim(id, 'grace', LONG_MS)).toEqual(HELD);
        expect(await store.claim(newId(), 'grace', LONG_MS)).toEqual(CLAIMED);
      });

      it('gives it to the same claimant again', async () => {
        await store.claim(id, 'ada', LONG_MS);
        expect(await other.claim(id, 'ada', LONG_MS)).toEqual(CLAIMED);
        expect(await other.claim(id, 'grace', LONG_MS)).toEqual(HELD);
      });

      it('gives it to one of many who claim it at the same time', async () => {
        const claims = Array.from({ length: 20 }, (_, index) =>
          (index % 2 === 0 ? store : other).claim(id, `claimant ${index}`, LONG_MS),
        );
        const states = (await Promise.all(claims)).map(({ state }) => state);
        expect(states.filter((state) => state === 'claimed')).toHaveLength(1);
        expect(states.filter((state) => state === 'held')).toHaveLength(19);
      });

      it('gives it to another when it was released', async () => {
        await store.claim(id, 'ada', LONG_MS);
        await store.release(id, 'ada');
        expect(await other.claim(id, 'grace', LONG_MS)).toEqual(CLAIMED);
        expect(await store.claim(id, 'ada', LONG_MS)).toEqual(HELD);
      });

      it('gives it to one of many when its claim has run out', async () => {
        await store.claim(id, 'ada', SHORT_MS);
        await hasRunOut();
        const claims = Array.from({ length: 10 }, (_, index) =>
          (index % 2 === 0 ? store : other).claim(id, `claimant ${index}`, LONG_MS),
        );
        const states = (await Promise.all(claims)).map(({ state }) => state);
        expect(states.filter((state) => state === 'claimed')).toHaveLength(1);
      });

      it('counts how often it was claimed, but for claims that were released', async () => {
        await store.claim(id, 'ada', SHORT_MS);
        await getsIt('grace');
        expect(await other.claim(id, 'grace', SHORT_MS)).toEqual({ state: 'claimed', times: 2 });
        await hasRunOut();
        expect(await store.claim(id, 'ada', LONG_MS)).toEqual({ state: 'claimed', times: 3 });
        expect(await store.claim(id, 'ada', LONG_MS)).toEqual({ state: 'claimed', times: 3 });
        await store.release(id, 'ada');
        expect(await other.claim(id, 'grace', LONG_MS)).toEqual({ state: 'claimed', times: 3 });
      });

      it('releases nothing for who does not hold it', async () => {
        await store.release(id, 'ada');
        await store.claim(id, 'ada', LONG_MS);
        await other.release(id, 'grace');
        expect(await other.claim(id, 'grace', LONG_MS)).toEqual(HELD);
      });
    });

    describe('renewal', () => {
      it('makes a claim last', async () => {
        await store.claim(id, 'ada', SHORT_MS);
        expect(await store.renew(id, 'ada', LONG_MS)).toBe(true);
        await hasRunOut();
        expect(await other.claim(id, 'grace', LONG_MS)).toEqual(HELD);
      });

      it('can make it end sooner', async () => {
        await store.claim(id, 'ada', LONG_MS);
        expect(await store.renew(id, 'ada', SHORT_MS)).toBe(true);
        await getsIt('grace');
      });

      it('is refused to who does not hold it', async () => {
        expect(await store.renew(id, 'ada', LONG_MS)).toBe(false);
        await store.claim(id, 'ada', SHORT_MS);
        expect(await other.renew(id, 'grace', LONG_MS)).toBe(false);
        await getsIt('grace');
        expect(await store.renew(id, 'ada', LONG_MS)).toBe(false);
        await store.release(id, 'ada');
        expect(await other.renew(id, 'grace', LONG_MS)).toBe(true);
      });

      it('brings back no claim that was released', async () => {
        await store.claim(id, 'ada', LONG_MS);
        await store.release(id, 'ada');
        expect(await store.renew(id, 'ada', LONG_MS)).toBe(false);
        expect(await other.claim(id, 'grace', LONG_MS)).toEqual(CLAIMED);
      });
    });

    describe('outcomes', () => {
      it('are told to everybody who claims the call', async () => {
        await store.claim(id, 'ada', LONG_MS);
        await store.end(id, OUTCOME, LONG_MS);
        for (const claimant of ['ada', 'grace']) {
          expect(await other.claim(id, claimant, LONG_MS)).toStrictEqual({ state: 'ended', outcome: OUTCOME });
        }
        expect(await store.renew(id, 'ada', LONG_MS)).toBe(false);
      });

      it('stay when the claim is given up', async () => {
        await store.claim(id, 'ada', LONG_MS);
        await store.end(id, {}, LONG_MS);
        await store.release(id, 'ada');
        expect(await other.claim(id, 'grace', LONG_MS)).toStrictEqual({ state: 'ended', outcome: {} });
      });

      it('take the place of those before, whoever holds the call', async () => {
        await store.claim(id, 'ada', LONG_MS);
        await other.end(id, {}, LONG_MS);
        await store.end(id, OUTCOME, LONG_MS);
        expect(await other.claim(id, 'grace', LONG_MS)).toStrictEqual({ state: 'ended', outcome: OUTCOME });
      });

      it('may be as large as a message', async () => {
        const reply = { address: 'replies', message: JSON.stringify({ text: 'x'.repeat(1_048_576) }) };
        await store.end(id, { reply }, LONG_MS);
        expect(await other.claim(id, 'grace', LONG_MS)).toStrictEqual({ state: 'ended', outcome: { reply } });
      });

      it('are forgotten', async () => {
        await store.claim(id, 'ada', SHORT_MS);
        await store.end(id, OUTCOME, SHORT_MS);
        await getsIt('grace');
      });

      it('are no affair of other calls', async () => {
        await store.end(id, OUTCOME, LONG_MS);
        expect(await other.claim(newId(), 'grace', LONG_MS)).toEqual(CLAIMED);
      });
    });
  });
}

/** As servers make them. */
function newId(): string {
  return randomBytes(32).toString('base64url');
}
