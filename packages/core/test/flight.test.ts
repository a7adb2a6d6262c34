import { afterEach, describe, expect, it } from '@jest/globals';
import { createDelivery } from '../src/delivery.js';
import { createEnvelope } from '../src/envelope.js';
import { FlightLedger } from '../src/flight.js';
import { closeHosts, createGate, inbound, serverWith, settle, startHost, toolCall, until } from './host.js';
import type { Delivery } from '../src/delivery.js';
import type { TestHost } from './host.js';

afterEach(closeHosts);

/** More than are remembered after they have ended. */
const MANY = 10_050;

/** Calls that begin and end, one after another. */
async function callOften(host: TestHost, sessionId: string, times: number): Promise<void> {
  const last = 100 + times - 1;
  for (let id = 100; id <= last; id++) {
    void host.receive({ message: toolCall(id), sessionId, messageId: `message ${id}` });
    if (id % 100 === 0) await settle();
  }
  await until(() => host.answer(last) === 'ok');
}

describe('a message', () => {
  it('is known by its copies for as long as it takes, however many come and go meanwhile', async () => {
    const gate = createGate();
    let runs = 0;
    const slow = async (): Promise<void> => {
      runs++;
      await gate.opened;
    };
    const host = startHost({ createServer: () => serverWith({ slow }), concurrency: 1000 });
    const sessionId = await host.open();
    const call = { message: toolCall(1, 'slow'), sessionId, messageId: 'slow', waits: true };
    const first = host.receive(call);
    await callOften(host, sessionId, MANY);
    const copy = host.receive(call);
    gate.open();
    await until(() => first.settlement() === 'ack' && copy.settlement() === 'ack');
    // And for a while after it has ended, not counted from when it began.
    const late = host.receive(call);
    await until(() => late.settlement() === 'ack');
    expect({ runs, told: [first, copy, late].map(({ told }) => told[0]) }).toEqual({
      runs: 1,
      told: [sessionId, `again ${sessionId}`, `again ${sessionId}`],
    });
  });

  it('is forgotten when many have come since', async () => {
    const host = startHost({ concurrency: 1000 });
    const sessionId = await host.open();
    const call = { message: toolCall(1), sessionId, messageId: 'one', waits: true };
    host.receive(call);
    await callOften(host, sessionId, MANY);
    const again = host.receive(call);
    await until(() => again.settlement() === 'ack');
    expect(again.told).toEqual([sessionId]);
  });

  it('is told from others that have the same id: of another request, client or session', async () => {
    const runs: string[] = [];
    const host = startHost({
      createServer: () => serverWith({ count: async () => void runs.push('run') }),
      concurrency: 1000,
    });
    const [own, other, others] = [await host.open(), await host.open(), await host.open('another client')];
    const namesakes = [
      { message: toolCall(1, 'count'), sessionId: own },
      { message: toolCall(2, 'count'), sessionId: own },
      { message: toolCall(1, 'count'), sessionId: other },
      { message: toolCall(1, 'count'), sessionId: others, clientId: 'another client' },
    ].map((message) => ({ ...message, messageId: 'one', waits: true }));
    const told: string[][] = [];
    for (const round of ['first', 'second', 'third']) {
      const handled = namesakes.map((message) => host.receive(message));
      await until(() => handled.every(({ settlement }) => settlement() === 'ack'));
      told.push(handled.map((one) => `${round} ${one.told[0] ?? 'nothing'}`));
    }
    const sessions = [own, own, other, others];
    expect(told).toEqual([
      sessions.map((session) => `first ${session}`),
      sessions.map((session) => `second again ${session}`),
      sessions.map((session) => `third again ${session}`),
    ]);
    expect(runs).toHaveLength(namesakes.length);
  });

  it('is known by its copies as long as it is in flight, also once its reply is too large to be remembered', () => {
    const ledger = new FlightLedger(() => {});
    const settlement = { ack: async () => {}, retry: async () => {}, reject: async () => {} };
    const deliver = (): Delivery => createDelivery(inbound({ message: toolCall(1), messageId: 'one' }), 1, settlement);
    const first = deliver();
    const flight = ledger.flightOf(first);
    const reply = { jsonrpc: '2.0', id: 1, result: { text: 'x'.repeat(33 * 1024 * 1024) } } as const;
    ledger.recordReply(flight, 'replies', createEnvelope(reply));
    const copy = deliver();
    expect([flight.isOf(first), ledger.flightOf(copy) === flight, ledger.size]).toEqual([true, true, 1]);
    void flight.ack();
    expect([ledger.knows(first.envelope), ledger.size, ledger.inFlight]).toEqual([false, 0, []]);
  });
});
