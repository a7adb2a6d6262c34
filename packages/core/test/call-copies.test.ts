import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { REMEMBERED_MS } from '../src/flight.js';
import { AsyncMcpError } from '../src/errors.js';
import { ASKED_FOR_MS, LEASE_MS, RENEWED_LEASE_MS, failure, scene } from './call-scene.js';
import { cancellation, closeHosts, createGate, initialize, movableClock, startHost, toolCall, until } from './host.js';

afterEach(async () => {
  await closeHosts();
  jest.restoreAllMocks();
});

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

  it('gets the answer for as long again each time that one asks for it', async () => {
    const clock = movableClock();
    const { ada, grace, gate, runs, send } = await scene();
    gate.open();
    send(ada);
    await until(() => ada.answer(1) === 'ok');
    for (const host of [grace, startHost(grace.options), startHost(grace.options)]) {
      clock.advance(0.6 * REMEMBERED_MS);
      const copy = send(host);
      await until(() => copy.settlement() === 'ack');
      expect([host.answer(1), runs()]).toEqual(['ok', 1]);
    }
  });

  it.each([true, false])('is refused as its first was, and does not run (its sender waits: %j)', async (waits) => {
    const { ada, grace, sessionId, runs, send } = await scene();
    send(ada);
    await until(() => runs() === 1);
    const message = { message: toolCall(1, 'slow'), sessionId, messageId: 'of another call', waits };
    const refused = ada.receive(message);
    await until(() => refused.settlement() === 'ack');
    const copy = grace.receive(message);
    await until(() => copy.settlement() === 'ack');
    expect([grace.answer(1), runs()]).toEqual(['ERR_MESSAGE_INVALID', 1]);
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
