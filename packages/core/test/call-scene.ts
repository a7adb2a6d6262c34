import { MemoryCallStore } from '../src/call-store.js';
import { AsyncMcpError } from '../src/errors.js';
import { MemorySessionStore } from '../src/session-store.js';
import { createGate, serverWith, startHost, toolCall } from './host.js';
import type { Gate, Handled, TestHost, TestHostOptions } from './host.js';

/** What a store fails with. */
export const failure: AsyncMcpError = new AsyncMcpError('ERR_CALL_STORE', 'The call store is not there.');

/** A store whose operations can be made to wait, fail or do nothing. */
export class FaultyCallStore extends MemoryCallStore {
  /** Called before each operation; what it rejects with is what the store rejects with. */
  before: (operation: keyof MemoryCallStore) => Promise<void> = async () => {};
  renewals = 0;

  override async claim(...args: Parameters<MemoryCallStore['claim']>): ReturnType<MemoryCallStore['claim']> {
    await this.before('claim');
    return super.claim(...args);
  }

  override async renew(...args: Parameters<MemoryCallStore['renew']>): Promise<boolean> {
    await this.before('renew');
    this.renewals += 1;
    return super.renew(...args);
  }

  override async release(...args: Parameters<MemoryCallStore['release']>): Promise<void> {
    await this.before('release');
    return super.release(...args);
  }

  override async end(...args: Parameters<MemoryCallStore['end']>): Promise<void> {
    await this.before('end');
    return super.end(...args);
  }
}

export interface Scene {
  readonly callStore: FaultyCallStore;
  /** In whose hands a call is first. */
  readonly ada: TestHost;
  /** Whom a copy reaches. */
  readonly grace: TestHost;
  readonly sessionId: string;
  /** What the handlers of `slow` wait for. */
  readonly gate: Gate;
  /** How often handlers have begun, of either. */
  readonly runs: () => number;
  /** A copy of one call of `slow`, at either host. */
  readonly send: (host: TestHost, attempt?: number) => Handled;
}

/** Longer than any test. */
export const LEASE_MS = 30_000;

/** Of a claim that is renewed, once a second, while a test looks on; longer than a busy machine keeps a process from running. */
export const RENEWED_LEASE_MS = 3000;

/** A store that fails is asked again for less than this, in milliseconds. */
export const ASKED_FOR_MS = 11_000;

/** Two hosts, as of two processes, over the same stores; a session is open. */
export async function scene(options: TestHostOptions = {}, callLeaseMs = LEASE_MS): Promise<Scene> {
  const callStore = new FaultyCallStore();
  const store = new MemorySessionStore();
  const gate = createGate();
  let runs = 0;
  const slow = async (): Promise<void> => {
    runs += 1;
    await gate.opened;
  };
  const shared = { callStore, callLeaseMs, store, createServer: () => serverWith({ slow }) };
  const [ada, grace] = [startHost({ ...shared, ...options }), startHost(shared)];
  const sessionId = await ada.open();
  return {
    callStore,
    ada,
    grace,
    sessionId,
    gate,
    runs: () => runs,
    send: (host, attempt = 1) =>
      host.receive({ message: toolCall(1, 'slow'), sessionId, messageId: 'one', attempt, waits: true }),
  };
}
