import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MemoryBroker } from '../src/memory/broker.js';
import { until } from '../src/until.js';
import type { LeasedMessage } from '../src/memory/queue.js';

const QUEUE = 'queue';

let broker: MemoryBroker;
let abort: AbortController;

beforeEach(() => {
  broker = new MemoryBroker({ maxMessageBytes: 100 });
  broker.createQueue(QUEUE);
  abort = new AbortController();
});

afterEach(() => {
  abort.abort();
  broker.close();
});

function send(body: string): Promise<void> {
  return broker.send(QUEUE, { body, attributes: {} });
}

function receive({ max = 10, leaseMs = 60_000 } = {}): Promise<LeasedMessage[]> {
  return broker.receive(QUEUE, { max, leaseMs, signal: abort.signal });
}

async function receiveOne(leaseMs?: number): Promise<LeasedMessage> {
  const [message] = await receive({ max: 1, ...(leaseMs !== undefined && { leaseMs }) });
  if (message === undefined) throw new Error('Nothing was received.');
  return message;
}

function bodies(messages: readonly LeasedMessage[]): string[] {
  return messages.map(({ body }) => body);
}

describe('MemoryBroker', () => {
  it('hands messages out in order, at most as many as asked for', async () => {
    for (const body of ['a', 'b', 'c']) await send(body);
    expect(bodies(await receive({ max: 2 }))).toEqual(['a', 'b']);
    expect(bodies(await receive())).toEqual(['c']);
  });

  it('hands a message that was waited for to one of those who wait', async () => {
    const waiting = [receive({ max: 1 }), receive({ max: 1 })];
    await send('a');
    await send('b');
    expect((await Promise.all(waiting)).map(bodies)).toEqual([['a'], ['b']]);
  });

  it('ends the waiting when the signal aborts or the queue is deleted', async () => {
    const aborted = receive();
    abort.abort();
    expect(await aborted).toEqual([]);
    abort = new AbortController();
    const deleted = receive();
    broker.deleteQueue(QUEUE);
    expect(await deleted).toEqual([]);
  });

  it('forgets what was acknowledged', async () => {
    await send('a');
    const { receipt } = await receiveOne();
    expect(await broker.ack(QUEUE, receipt)).toBe(true);
    expect(broker.size(QUEUE)).toBe(0);
    expect(await broker.ack(QUEUE, receipt)).toBe(false);
  });

  it('hands a message out again when its lease has run out, under a new receipt', async () => {
    await send('a');
    const first = await receiveOne(20);
    const second = await receiveOne();
    expect(second).toMatchObject({ body: 'a', id: first.id, attempt: 2 });
    expect(await broker.ack(QUEUE, first.receipt)).toBe(false);
    expect(await broker.extend(QUEUE, first.receipt, 1000)).toBe(false);
    expect(await broker.ack(QUEUE, second.receipt)).toBe(true);
  });

  it('renews leases', async () => {
    await send('a');
    const first = await receiveOne(20);
    expect(await broker.extend(QUEUE, first.receipt, 60_000)).toBe(true);
    const again = receive();
    await send('b');
    expect(bodies(await again)).toEqual(['b']);
  });

  it('gives a message back, at once or later', async () => {
    await send('a');
    await broker.release(QUEUE, (await receiveOne()).receipt, 0);
    const again = await receiveOne();
    expect(again.attempt).toBe(2);
    const began = performance.now();
    await broker.release(QUEUE, again.receipt, 50);
    expect((await receiveOne()).attempt).toBe(3);
    expect(performance.now() - began).toBeGreaterThan(40);
  });

  it('keeps dead letters, with the reason', async () => {
    await send('a');
    const { receipt } = await receiveOne();
    expect(await broker.reject(QUEUE, receipt, 'no good')).toBe(true);
    expect(await broker.reject(QUEUE, receipt, 'no good')).toBe(false);
    expect(broker.deadLetters).toEqual([{ queue: QUEUE, body: 'a', attributes: {}, reason: 'no good' }]);
    expect(broker.size(QUEUE)).toBe(0);
  });

  it('refuses what is too large, attributes included, and what has nowhere to go', async () => {
    const attributes = { Name: { DataType: 'String' as const, StringValue: 'v'.repeat(20) } };
    const sent = broker.send(QUEUE, { body: 'x'.repeat(90), attributes });
    await expect(sent).rejects.toMatchObject({
      code: 'ERR_MESSAGE_TOO_LARGE',
      details: { bytes: 120, limitBytes: 100 },
    });
    await expect(send('é'.repeat(50))).resolves.toBeUndefined();
    await expect(send('é'.repeat(51))).rejects.toMatchObject({ code: 'ERR_MESSAGE_TOO_LARGE' });
    const lost = broker.send('elsewhere', { body: '', attributes: {} });
    await expect(lost).rejects.toMatchObject({ code: 'ERR_DESTINATION_GONE' });
  });
});

describe('faults of a MemoryBroker', () => {
  it('duplicate the next messages, under the same id', async () => {
    broker.faults.duplicateNext(1);
    await send('a');
    await send('b');
    const messages = await receive();
    expect(bodies(messages)).toEqual(['a', 'a', 'b']);
    expect(messages[0]?.id).toBe(messages[1]?.id);
  });

  it('delay the next messages', async () => {
    broker.faults.delayNext(1, 30);
    await send('late');
    await send('early');
    expect(bodies(await receive())).toEqual(['early']);
    expect(bodies(await receive())).toEqual(['late']);
  });

  it('reverse the next messages', async () => {
    broker.faults.reorderNext(3);
    for (const body of ['a', 'b', 'c', 'd']) await send(body);
    expect(bodies(await receive())).toEqual(['c', 'b', 'a', 'd']);
  });

  it('fail the next sends, of some queues only', async () => {
    broker.createQueue('other');
    broker.faults.failSends(1, (queue) => queue === QUEUE);
    await broker.send('other', { body: '', attributes: {} });
    await expect(send('a')).rejects.toMatchObject({ code: 'ERR_UNAVAILABLE' });
    await send('a');
    expect(broker.size(QUEUE)).toBe(1);
  });

  it('lose acknowledgements, so that the message comes again', async () => {
    broker.faults.dropAcks(1);
    await send('a');
    const first = await receiveOne(20);
    expect(await broker.ack(QUEUE, first.receipt)).toBe(true);
    const again = await receiveOne();
    expect(again.attempt).toBe(2);
    await broker.ack(QUEUE, again.receipt);
    await until(() => broker.size(QUEUE) === 0);
  });
});
