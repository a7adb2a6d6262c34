import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { createDelivery } from '../src/delivery.js';
import { AsyncMcpError } from '../src/errors.js';
import { ASKED_FOR_MS, LEASE_MS, RENEWED_LEASE_MS, failure, scene } from './call-scene.js';
import {
  cancellation,
  closeHosts,
  createGate,
  inbound,
  movableClock,
  serverWith,
  settle,
  toolCall,
  until,
} from './host.js';

afterEach(async () => {
  await closeHosts();
  jest.restoreAllMocks();
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

  it('is written to twice for a call', async () => {
    const { callStore, ada, sessionId } = await scene();
    const asked: string[] = [];
    callStore.before = async (operation) => void asked.push(operation);
    const call = ada.receive({ message: toolCall(2), sessionId });
    await until(() => call.settlement() === 'ack');
    expect(asked).toEqual(['claim', 'end']);
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

  it('keeps nothing open where a source cannot take its messages back', async () => {
    let closed = 0;
    const { ada, sessionId } = await scene({
      createServer: () => {
        const mcp = serverWith({ hang: () => new Promise(() => {}) });
        mcp.server.onclose = () => void closed++;
        return mcp;
      },
    });
    const lost = new Error('The connection to the broker is lost.');
    const message = inbound({ message: toolCall(2, 'hang'), sessionId });
    const nothing = async (): Promise<void> => {};
    const retry = (): Promise<void> => Promise.reject(lost);
    void ada.host.receive(createDelivery(message, 1, { ack: nothing, reject: nothing, retry }));
    await until(() => ada.host.list()[0]?.callsInFlight === 1);
    await expect(ada.close()).rejects.toBe(lost);
    expect(closed).toBe(1);
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
