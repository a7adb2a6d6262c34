import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { MemoryCallStore } from '../src/call-store.js';
import { AsyncMcpError } from '../src/errors.js';
import { MemorySessionStore } from '../src/session-store.js';
import {
  cancellation,
  closeHosts,
  createGate,
  initialize,
  movableClock,
  serverWith,
  settle,
  startHost,
  toolCall,
  until,
} from './host.js';
import type { Handled, TestHost, TestHostOptions } from './host.js';

afterEach(async () => {
  await closeHosts();
  jest.restoreAllMocks();
});

/** A store whose operations can be made to wait, fail or do nothing. */
class FaultyCallStore extends MemoryCallStore {
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

interface Scene {
  readonly callStore: FaultyCallStore;
  /** In whose hands a call is first. */
  readonly ada: TestHost;
  /** Whom a copy reaches. */
  readonly grace: TestHost;
  readonly sessionId: string;
  /** What the handlers of `slow` wait for. */
  readonly gate: ReturnType<typeof createGate>;
  /** How often handlers have begun, of either. */
  readonly runs: () => number;
  /** A copy of one call of `slow`, at either host. */
  readonly send: (host: TestHost, attempt?: number) => Handled;
}

/** Longer than any test. */
const LEASE_MS = 30_000;

/** Of a claim that is renewed, once a second, while a test looks on; longer than a busy machine keeps a process from running. */
const RENEWED_LEASE_MS = 3000;

/** A store that fails is asked again for less than this, in milliseconds. */
const ASKED_FOR_MS = 11_000;

/** Two hosts, as of two processes, over the same stores; a session is open. */
async function scene(options: TestHostOptions = {}, callLeaseMs = LEASE_MS): Promise<Scene> {
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

const failure = new AsyncMcpError('ERR_CALL_STORE', 'The call store is not there.');

describe('a copy of a call that another process runs', () => {
  it('waits, runs nothing, and is answered as the call is', async () => {
    const { ada, grace, sessionId, gate, runs, send } = await scene();
    const first = send(ada);
    await until(() => runs() === 1);
    const copy = send(grace);
    await copy.received; // It takes up no room.
    expect(copy.told).toEqual([`waits ${sessionId}`]);
    expect(copy.settlement()).toBeUndefined();
    gate.open();
    await until(() => copy.settlement() === 'ack' && first.settlement() === 'ack');
    expect([ada.answer(1), grace.answer(1), runs()]).toEqual(['ok', 'ok', 1]);
    expect(grace.sent.at(-1)).toMatchObject({ sessionId, clientId: 'client' });
  });

  it('gets the same answer when it comes after it', async () => {
    const { ada, grace, gate, runs, send } = await scene();
    gate.open();
    await send(ada).received;
    await until(() => ada.answer(1) === 'ok');
    const copy = send(grace);
    await until(() => copy.settlement() === 'ack');
    expect([grace.answer(1), runs()]).toEqual(['ok', 1]);
  });

  it('has its answer while the other process cannot send it', async () => {
    const sending = createGate();
    const { ada, grace, gate, runs, send } = await scene({
      sending: ({ message }) => ('id' in message && message.id === 1 ? sending.opened : Promise.resolve()),
    });
    gate.open();
    send(ada);
    await until(() => runs() === 1);
    const copy = send(grace);
    await until(() => copy.settlement() === 'ack');
    expect([ada.answer(1), grace.answer(1), runs()]).toEqual([undefined, 'ok', 1]);
    sending.open();
  });

  it('sends the answer that the other process could not send, which was given back', async () => {
    let isDown = false;
    const { ada, grace, gate, runs, send } = await scene({
      sending: async () => {
        if (isDown) throw new AsyncMcpError('ERR_UNAVAILABLE', 'The broker is not there.');
      },
    });
    isDown = true;
    gate.open();
    const first = send(ada);
    await until(() => first.settlement() === 'retry');
    const again = send(grace, 2);
    await until(() => again.settlement() === 'ack');
    expect([grace.answer(1), runs()]).toEqual(['ok', 1]);
  });

  it('gets the error that took the place of an answer too large to be sent', async () => {
    const { ada, grace, gate, runs, send } = await scene({
      sending: async ({ message }) => {
        if ('id' in message && message.id === 1 && 'result' in message)
          throw new AsyncMcpError('ERR_MESSAGE_TOO_LARGE', 'It has 2 bytes; 1 fits.');
      },
    });
    gate.open();
    send(ada);
    await until(() => ada.answer(1) === 'ERR_MESSAGE_TOO_LARGE');
    const copy = send(grace);
    await until(() => copy.settlement() === 'ack');
    expect([grace.answer(1), runs()]).toEqual(['ERR_MESSAGE_TOO_LARGE', 1]);
  });

  it('runs when that process was killed, as soon as its claim has run out', async () => {
    const clock = movableClock();
    const { callStore, ada, grace, gate, runs, send } = await scene();
    send(ada);
    await until(() => runs() === 1);
    // Its process is dead: nothing of it reaches the store any more.
    callStore.before = (operation) => (operation === 'renew' ? new Promise(() => {}) : Promise.resolve());
    const copy = send(grace);
    await until(() => copy.told.length === 1);
    expect(runs()).toBe(1);
    clock.advance(LEASE_MS);
    await until(() => runs() === 2);
    gate.open();
    await until(() => copy.settlement() === 'ack');
    expect(grace.answer(1)).toBe('ok');
  });

  it('does not run while the process that has it renews its claim', async () => {
    const { callStore, ada, grace, gate, runs, send } = await scene({}, RENEWED_LEASE_MS);
    send(ada);
    await until(() => runs() === 1);
    const copy = send(grace);
    // At a third of the lease each: without them it would have run out.
    await until(() => callStore.renewals === 4, 20_000);
    expect(runs()).toBe(1);
    gate.open();
    await until(() => copy.settlement() === 'ack');
    expect(runs()).toBe(1);
  });

  it('runs at once when that process gives it back', async () => {
    const { ada, grace, gate, runs, send } = await scene();
    const first = send(ada);
    await until(() => runs() === 1);
    const copy = send(grace);
    await until(() => copy.told.length === 1);
    await ada.host.close();
    expect(first.settlement()).toBe('retry');
    await until(() => runs() === 2);
    gate.open();
    await until(() => copy.settlement() === 'ack');
    expect(grace.answer(1)).toBe('ok');
  });

  it('does not run when the call was cancelled there', async () => {
    const { ada, grace, sessionId, runs, send } = await scene();
    send(ada);
    await until(() => runs() === 1);
    const copy = send(grace);
    await until(() => copy.told.length === 1);
    ada.receive({ message: cancellation(1), sessionId });
    await until(() => copy.settlement() === 'ack');
    expect([grace.answer(1), runs()]).toEqual([undefined, 1]);
  });

  it('does not count as tried too often, however often it was received', async () => {
    const { ada, grace, gate, runs, send } = await scene();
    send(ada);
    await until(() => runs() === 1);
    const copy = send(grace, 4);
    await until(() => copy.told.length === 1);
    gate.open();
    await until(() => copy.settlement() === 'ack');
    expect([grace.answer(1), runs()]).toEqual(['ok', 1]);
  });

  it('does not run any more when as many have died of it as there are attempts, nor does another that waits', async () => {
    const clock = movableClock();
    const { ada, grace, runs, send } = await scene({ maxAttempts: 1 });
    send(grace);
    await until(() => runs() === 1);
    clock.advance(LEASE_MS);
    const refused = send(ada);
    await until(() => refused.settlement() === 'ack');
    expect(refused.told).toEqual(['ERR_TOO_MANY_ATTEMPTS']);
    // This one may try three times, and it is the second time.
    const third = startHost({ ...grace.options, maxAttempts: 3 });
    const copy = send(third);
    await until(() => copy.settlement() === 'ack');
    expect([third.answer(1), runs()]).toEqual(['ERR_TOO_MANY_ATTEMPTS', 1]);
  });

  it('waits on where the store fails for a while', async () => {
    const clock = movableClock();
    const { callStore, ada, grace, gate, runs, send } = await scene();
    send(ada);
    await until(() => runs() === 1);
    const copy = send(grace, 3);
    await until(() => copy.told.length === 1);
    callStore.before = async () => {
      clock.advance(ASKED_FOR_MS);
      callStore.before = async () => {};
      throw failure;
    };
    await until(() => grace.errors.length === 1);
    expect([copy.settlement(), grace.errors]).toEqual([undefined, [failure]]);
    gate.open();
    await until(() => copy.settlement() === 'ack');
    expect([grace.answer(1), runs()]).toEqual(['ok', 1]);
  });

  it('is left to that process at once when its own one closes', async () => {
    const { ada, grace, runs, send } = await scene();
    send(ada);
    await until(() => runs() === 1);
    const copy = send(grace);
    await until(() => copy.told.length === 1);
    await grace.host.close();
    expect(copy.settlement()).toBe('leave');
    expect(grace.errors).toEqual([]);
    expect(runs()).toBe(1);
  });

  it('is left to that process even if the store hangs while its own one closes', async () => {
    const { callStore, ada, grace, runs, send } = await scene();
    send(ada);
    await until(() => runs() === 1);
    const copy = send(grace);
    await until(() => copy.told.length === 1);
    let asked = 0;
    callStore.before = () => {
      asked += 1;
      return new Promise(() => {});
    };
    await until(() => asked === 1);
    await grace.host.close();
    expect([copy.settlement(), grace.errors]).toEqual(['leave', []]);
  });

  it('of initialize is told of the session that the first has opened, and of no other', async () => {
    const { callStore, ada, grace } = await scene({ sessionOf: () => 'an older one' });
    const written = createGate();
    callStore.before = (operation) => (operation === 'end' ? written.opened : Promise.resolve());
    const message = { message: initialize(), messageId: 'open', clientId: 'other', waits: true };
    const first = grace.receive(message);
    await until(() => first.told.length === 1);
    const copy = ada.receive(message);
    await copy.received;
    expect(copy.told).toEqual([]);
    written.open();
    await until(() => first.settlement() === 'ack' && copy.settlement() === 'ack');
    const [sessionId] = first.told;
    expect([first.told, copy.told]).toEqual([[sessionId], [`again ${String(sessionId)}`]]);
    expect([ada, grace].map(({ sent }) => sent.at(-1)?.sessionId)).toEqual([sessionId, sessionId]);
  });

  it('is told apart from the call of another client under the same message id', async () => {
    const { ada, grace, gate, runs, send } = await scene();
    const otherSession = await grace.open('other');
    send(ada);
    await until(() => runs() === 1);
    grace.receive({ message: toolCall(1, 'slow'), sessionId: otherSession, messageId: 'one', clientId: 'other' });
    await until(() => runs() === 2);
    gate.open();
    await until(() => grace.answer(1, 'other') === 'ok' && ada.answer(1) === 'ok');
    expect(runs()).toBe(2);
  });
});

describe('a call store', () => {
  it('that cannot be reached puts calls off, and their callers are told at last', async () => {
    const clock = movableClock();
    const { callStore, ada, runs, send } = await scene();
    callStore.before = async () => {
      clock.advance(ASKED_FOR_MS);
      throw new Error('connection refused');
    };
    const first = send(ada);
    await until(() => first.settlement() === 'retry');
    expect(ada.errors.map(({ code }) => code)).toEqual(['ERR_CALL_STORE']);
    const last = send(ada, 3);
    await until(() => last.told.length === 1);
    expect([last.told, runs()]).toEqual([['ERR_CALL_STORE'], 0]);
  });

  it('that fails when a call has ended keeps no answer from its caller', async () => {
    const clock = movableClock();
    const { callStore, ada, gate, runs, send } = await scene();
    const first = send(ada);
    await until(() => runs() === 1);
    callStore.before = async () => {
      clock.advance(ASKED_FOR_MS);
      throw failure;
    };
    gate.open();
    await until(() => first.settlement() === 'ack');
    expect([ada.answer(1), ada.errors]).toEqual(['ok', [failure]]);
  });

  it('that fails for a moment when a call has ended still knows its outcome', async () => {
    const { callStore, ada, grace, gate, runs, send } = await scene();
    send(ada);
    await until(() => runs() === 1);
    callStore.before = async () => {
      callStore.before = async () => {};
      throw failure;
    };
    gate.open();
    await until(() => ada.answer(1) === 'ok');
    const copy = send(grace);
    await until(() => copy.settlement() === 'ack');
    expect([grace.answer(1), runs(), ada.errors]).toEqual(['ok', 1, []]);
  });

  it('keeps no claim on what was refused', async () => {
    const { callStore, ada } = await scene();
    const before = callStore.size;
    const call = ada.receive({ message: toolCall(2), sessionId: 'nobody', messageId: 'two', waits: true });
    await until(() => call.settlement() === 'ack');
    expect([call.told, callStore.size]).toEqual([['ERR_SESSION_NOT_FOUND'], before]);
  });

  it('that fails for a moment costs no claim', async () => {
    const { callStore, ada, grace, gate, runs, send } = await scene({}, RENEWED_LEASE_MS);
    send(ada);
    await until(() => runs() === 1);
    callStore.before = async (operation) => {
      if (operation !== 'renew') return;
      callStore.before = async () => {};
      throw failure;
    };
    await until(() => ada.errors.length === 1);
    await until(() => callStore.renewals === 2, 20_000);
    const copy = send(grace);
    await until(() => copy.told.length === 1);
    expect(runs()).toBe(1);
    gate.open();
    await until(() => copy.settlement() === 'ack');
    expect(runs()).toBe(1);
  });

  it('is renewed until an outcome is written down, however long that takes', async () => {
    const { callStore, ada, grace, gate, runs, send } = await scene({}, RENEWED_LEASE_MS);
    const written = createGate();
    send(ada);
    await until(() => runs() === 1);
    callStore.before = (operation) => (operation === 'end' ? written.opened : Promise.resolve());
    gate.open();
    const copy = send(grace);
    const before = callStore.renewals;
    await until(() => callStore.renewals === before + 4, 20_000);
    expect([ada.answer(1), runs()]).toEqual([undefined, 1]);
    written.open();
    await until(() => copy.settlement() === 'ack', 10_000);
    expect([ada.answer(1), grace.answer(1), runs(), ada.errors]).toEqual(['ok', 'ok', 1, []]);
  });

  it('still hears of what has just ended when its server closes', async () => {
    const { callStore, ada, grace, sessionId, runs, send } = await scene();
    const written = createGate();
    const call = send(ada);
    await until(() => runs() === 1);
    callStore.before = (operation) => (operation === 'end' ? written.opened : Promise.resolve());
    ada.receive({ message: cancellation(1), sessionId });
    const closed = ada.host.close();
    await settle();
    written.open();
    await closed;
    expect([call.settlement(), ada.errors]).toEqual(['ack', []]);
    const copy = send(grace);
    await until(() => copy.settlement() === 'ack');
    expect([grace.answer(1), runs()]).toEqual([undefined, 1]);
  });

  it('that hangs keeps no server from closing, nor a claim that it grants too late', async () => {
    const { callStore, ada, runs, send } = await scene();
    const before = callStore.size;
    const granted = createGate();
    callStore.before = (operation) => (operation === 'claim' ? granted.opened : Promise.resolve());
    const call = send(ada);
    await ada.host.close();
    expect([call.settlement(), runs()]).toEqual(['retry', 0]);
    granted.open();
    await settle();
    expect(callStore.size).toBe(before);
  });

  it('that hangs has two seconds when a server closes', async () => {
    const { callStore, ada, runs, send } = await scene();
    const call = send(ada);
    await until(() => runs() === 1);
    callStore.before = () => new Promise(() => {});
    const startedAt = performance.now();
    await ada.host.close();
    expect(performance.now() - startedAt).toBeLessThan(8000);
    expect([call.settlement(), ada.errors.map(({ code }) => code)]).toEqual(['retry', ['ERR_CALL_STORE']]);
  });

  it('may be asked of many calls at once', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    const { callStore, ada, sessionId } = await scene();
    const granted = createGate();
    callStore.before = () => granted.opened;
    const calls = Array.from({ length: 20 }, (_, id) => ada.receive({ message: toolCall(id + 1), sessionId }));
    await settle();
    granted.open();
    await until(() => calls.every(({ settlement }) => settlement() === 'ack'));
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
  });

  it('keeps no message from the dead letters whose sender could not be told at first', async () => {
    const clock = movableClock();
    let isDown = true;
    const { ada, grace, runs, sessionId, send } = await scene({
      maxAttempts: 1,
      sending: async ({ message }) => {
        if (isDown && 'id' in message && message.id === 1)
          throw new AsyncMcpError('ERR_UNAVAILABLE', 'The broker is not there.');
      },
    });
    send(grace);
    await until(() => runs() === 1);
    clock.advance(LEASE_MS);
    const receive = () => ada.receive({ message: toolCall(1, 'slow'), sessionId, messageId: 'one' });
    const first = receive();
    await until(() => first.settlement() === 'retry');
    isDown = false;
    const again = receive();
    await until(() => again.settlement() === 'reject');
    expect([ada.answer(1), runs()]).toEqual(['ERR_TOO_MANY_ATTEMPTS', 1]);
  });

  it('that no longer knows a claim is reported once, with what to do', async () => {
    const clock = movableClock();
    const { callStore, ada, gate, runs, send } = await scene({}, RENEWED_LEASE_MS);
    const first = send(ada);
    await until(() => runs() === 1);
    // As if the event loop had been kept busy for so long.
    clock.advance(RENEWED_LEASE_MS);
    await until(() => callStore.renewals === 1);
    await until(() => ada.errors.length === 1);
    expect(ada.errors[0]).toMatchObject({ code: 'ERR_LEASE_LOST', message: expect.stringContaining('callLeaseMs') });
    gate.open();
    await until(() => first.settlement() === 'ack');
    expect([ada.answer(1), ada.errors.length, callStore.renewals]).toEqual(['ok', 1, 1]);
  });

  it('does not hear of what has no name, nor of notifications', async () => {
    const { callStore, ada, sessionId } = await scene();
    const asked: string[] = [];
    callStore.before = async (operation) => void asked.push(operation);
    await ada.receive({ message: { jsonrpc: '2.0', method: 'notifications/progress' }, sessionId }).received;
    await ada.receive({ message: toolCall(2), sessionId, isUnnamed: true }).received;
    await until(() => ada.answer(2) === 'ok');
    expect(asked).toEqual([]);
  });
});
