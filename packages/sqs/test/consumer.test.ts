import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { createDeferred, until } from '@asyncmcp/testkit';
import { createSqsConsumer } from '../src/consumer.js';
import { createDeadLetter } from '../src/dead-letter.js';
import { createQueueLimits } from '../src/queue-limits.js';
import { createSqsSender } from '../src/sender.js';
import { intercept, recordCalls, recordingLogger, startEmulator } from './support.js';
import type { AsyncMcpError, Delivery } from '@asyncmcp/core';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { SqsConsumer, SqsConsumerOptions } from '../src/consumer.js';
import type { ConsumedMessage } from '../src/settlements.js';
import type { Emulator, LogLine } from './support.js';

let emulator: Emulator;
const open = new Set<SqsConsumer>();
beforeAll(async () => {
  emulator = await startEmulator();
});
afterEach(async () => {
  await Promise.all([...open].map((consumer) => consumer.close()));
  open.clear();
});
afterAll(() => emulator.stop());

interface Consuming {
  readonly consumer: SqsConsumer;
  readonly deliveries: Delivery[];
  readonly errors: { error: AsyncMcpError; message: ConsumedMessage | undefined }[];
  readonly log: LogLine[];
}

/** A started consumer that notes what it is handed; `handle` does nothing by default, so that deliveries stay leased. */
function consume(
  queueUrl: string,
  options: Partial<SqsConsumerOptions> & { deadLetterQueueUrl?: string } = {},
): Consuming {
  const sqs: SQSClient = options.sqs ?? emulator.sqs;
  const logger = recordingLogger();
  const limits = createQueueLimits(emulator.sqs, logger);
  const sender = createSqsSender({ sqs, limits, logger, messageAttributes: {}, controlGroup: false, retryForMs: 100 });
  const { deadLetterQueueUrl } = options;
  const deadLetter = createDeadLetter({ sqs, sender, limits, queueUrl, deadLetterQueueUrl, logger });
  const deliveries: Delivery[] = [];
  const errors: Consuming['errors'] = [];
  const { handle = async () => {} } = options;
  const consumer = createSqsConsumer({
    sqs,
    queueUrl,
    limit: 100,
    waitTimeSeconds: 20,
    visibilityTimeoutSeconds: 2,
    deadLetter,
    logger,
    onerror: (error, message) => errors.push({ error, message }),
    ...options,
    handle: (delivery) => {
      deliveries.push(delivery);
      return handle(delivery);
    },
  });
  open.add(consumer);
  consumer.start();
  return { consumer, deliveries, errors, log: logger.lines };
}

const empty = async (queueUrl: string): Promise<boolean> => {
  const { visible, inFlight } = await emulator.count(queueUrl);
  return visible + inFlight === 0;
};
const hasVisible = async (queueUrl: string): Promise<boolean> => (await emulator.count(queueUrl)).visible > 0;

describe('receiving', () => {
  it('hands out what was sent, with its attributes and attempt, and deletes it when acknowledged', async () => {
    const queueUrl = await emulator.createQueue('receive');
    await emulator.send(queueUrl, '{"x":1}', {
      MessageAttributes: { SessionId: { DataType: 'String', StringValue: 's' } },
    });
    const { consumer, deliveries } = consume(queueUrl);
    await until(() => deliveries.length === 1);
    expect(deliveries[0]).toMatchObject({ attempt: 1, envelope: { body: '{"x":1}', sessionId: 's' } });
    expect(consumer.inFlight).toBe(1);
    await deliveries[0]?.ack();
    expect(consumer.inFlight).toBe(0);
    expect(await empty(queueUrl)).toBe(true);
  });

  it('deletes in batches', async () => {
    const queueUrl = await emulator.createQueue('delete-batch');
    for (let index = 0; index < 10; index++) await emulator.send(queueUrl, `${index}`);
    const sqs = emulator.client();
    const calls = recordCalls(sqs);
    const { deliveries } = consume(queueUrl, { sqs });
    await until(() => deliveries.length === 10);
    await Promise.all(deliveries.map((delivery) => delivery.ack()));
    expect(await empty(queueUrl)).toBe(true);
    expect(calls.filter(({ command }) => command === 'DeleteMessageBatch')).toHaveLength(1);
  });

  it('does not poll at the limit, and goes on as soon as a place is free', async () => {
    const queueUrl = await emulator.createQueue('limit');
    const sqs = emulator.client();
    const calls = recordCalls(sqs);
    const polls = (): unknown[] => calls.filter(({ command }) => command === 'ReceiveMessage');
    const places = [createDeferred(), createDeferred(), createDeferred()];
    let handled = 0;
    const { deliveries } = consume(queueUrl, { sqs, limit: 2, handle: async () => places[handled++]?.promise });
    for (const body of ['a', 'b', 'c']) await emulator.send(queueUrl, body);
    await until(() => deliveries.length === 2);
    const before = polls().length;
    // Long enough for two heartbeats: the consumer is alive, and does not ask for more.
    await until(() => calls.filter(({ command }) => command === 'ChangeMessageVisibilityBatch').length >= 2);
    expect(polls()).toHaveLength(before);
    places[0]?.resolve();
    await until(() => deliveries.length === 3);
    for (const place of places) place.resolve();
    await Promise.all(deliveries.map((delivery) => delivery.ack()));
  });

  it('asks for no more than there is room for', async () => {
    const queueUrl = await emulator.createQueue('room');
    const sqs = emulator.client();
    const calls = recordCalls(sqs);
    const place = createDeferred();
    const { deliveries } = consume(queueUrl, { sqs, limit: 12, handle: () => place.promise });
    await until(() => calls.length === 1);
    for (let index = 0; index < 3; index++) await emulator.send(queueUrl, `${index}`);
    await until(() => deliveries.length === 3);
    place.resolve();
    const asked = calls
      .filter(({ command }) => command === 'ReceiveMessage')
      .map(({ input }) => ('MaxNumberOfMessages' in input ? input.MaxNumberOfMessages : undefined));
    expect(asked[0]).toBe(10);
    expect(asked.at(-1)).toBe(9);
    await Promise.all(deliveries.map((delivery) => delivery.ack()));
  });

  it('keeps polling over failures, and says so once', async () => {
    const queueUrl = await emulator.createQueue('flaky');
    const sqs = emulator.client();
    let failures = 0;
    intercept(sqs, ({ command }, next) => {
      if (command !== 'ReceiveMessage' || failures >= 3) return next();
      failures += 1;
      return Promise.reject(Object.assign(new Error('down'), { name: 'ServiceUnavailable', $fault: 'server' }));
    });
    const { deliveries, errors, log } = consume(queueUrl, { sqs });
    await emulator.send(queueUrl, 'x');
    await until(() => deliveries.length === 1);
    expect(errors.map(({ error }) => error.code)).toEqual(['ERR_UNAVAILABLE']);
    expect(log.filter(({ message }) => message === 'polling works again')).toHaveLength(1);
    await deliveries[0]?.ack();
  });

  it('heals by itself when the network was down', async () => {
    const queueUrl = await emulator.createQueue('network');
    const { deliveries, errors } = consume(queueUrl);
    await emulator.send(queueUrl, 'before');
    await until(() => deliveries.length === 1);
    await deliveries[0]?.ack();
    const outage = emulator.outage();
    await until(() => errors.length > 0);
    await outage.end();
    await emulator.send(queueUrl, 'after');
    await until(() => deliveries.length === 2);
    expect(deliveries[1]?.envelope.body).toBe('after');
    expect(errors.map(({ error }) => error.code)).toEqual(['ERR_UNAVAILABLE']);
    await deliveries[1]?.ack();
  });

  it('polls on though onerror throws', async () => {
    const queueUrl = await emulator.createQueue('onerror');
    const thrower = (): void => {
      throw new Error('onerror is broken');
    };
    const handle = () => Promise.reject(new Error('no'));
    const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const { deliveries } = consume(queueUrl, { onerror: thrower, handle, visibilityTimeoutSeconds: 1 });
    await emulator.send(queueUrl, 'x');
    await until(() => deliveries.length === 2);
    expect(deliveries[1]?.attempt).toBe(2);
    expect(String(warned.mock.calls[0]?.[0])).toContain('onerror is broken');
    warned.mockRestore();
  });
});

describe('leases', () => {
  it('keep a message invisible while its handler runs longer than the visibility timeout', async () => {
    const queueUrl = await emulator.createQueue('slow');
    const sqs = emulator.client();
    const calls = recordCalls(sqs);
    const { deliveries } = consume(queueUrl, { sqs, visibilityTimeoutSeconds: 1 });
    await emulator.send(queueUrl, 'slow');
    const beats = (): number => calls.filter(({ command }) => command === 'ChangeMessageVisibilityBatch').length;
    await until(() => beats() >= 8); // a third of a second each
    expect(deliveries).toHaveLength(1);
    expect(await emulator.count(queueUrl)).toEqual({ visible: 0, inFlight: 1, delayed: 0 });
    await deliveries[0]?.ack();
    expect(await empty(queueUrl)).toBe(true);
  });

  it('go on after the handler has resolved, until the delivery is settled', async () => {
    const queueUrl = await emulator.createQueue('resolved');
    const sqs = emulator.client();
    const calls = recordCalls(sqs);
    const { deliveries, consumer } = consume(queueUrl, { sqs, limit: 1, visibilityTimeoutSeconds: 1 });
    await emulator.send(queueUrl, 'first');
    await emulator.send(queueUrl, 'second');
    // Both are handed out, though the limit is one: resolving frees the place.
    await until(() => deliveries.length === 2);
    expect(consumer.inFlight).toBe(2);
    await until(() => calls.filter(({ command }) => command === 'ChangeMessageVisibilityBatch').length >= 6);
    expect(deliveries).toHaveLength(2);
    await Promise.all(deliveries.map((delivery) => delivery.ack()));
    expect(await empty(queueUrl)).toBe(true);
  });

  it('once lost, are reported, and the message is not deleted', async () => {
    const queueUrl = await emulator.createQueue('lost');
    const sqs = emulator.client();
    const failing = async (): Promise<never> =>
      Promise.reject(Object.assign(new Error('down'), { name: 'InternalError', $fault: 'server' }));
    const deletes: unknown[] = [];
    intercept(sqs, ({ command, input }, next) => {
      if (command.startsWith('DeleteMessage')) deletes.push(input);
      return command === 'ChangeMessageVisibilityBatch' ? failing() : next();
    });
    const { deliveries, errors, consumer } = consume(queueUrl, { sqs, visibilityTimeoutSeconds: 1 });
    const id = await emulator.send(queueUrl, 'x');
    await until(() => deliveries.length === 1);
    await consumer.stopPolling(); // or this consumer would receive it again itself
    await until(() => errors.length > 0);
    expect(errors).toMatchObject([{ error: { code: 'ERR_LEASE_LOST' }, message: { messageId: id, attempt: 1 } }]);
    await deliveries[0]?.ack();
    expect(deletes).toEqual([]);
    await until(() => hasVisible(queueUrl));
  });

  it('once lost, go on when the same consumer receives the message again, without handing it out twice', async () => {
    const queueUrl = await emulator.createQueue('regained');
    const sqs = emulator.client();
    let down = true;
    let receives = 0;
    intercept(sqs, async ({ command }, next) => {
      if (command === 'ChangeMessageVisibilityBatch' && down) throw new Error('down');
      const output = await next();
      if (command === 'ReceiveMessage') receives += (output as { Messages?: unknown[] }).Messages?.length ?? 0;
      return output;
    });
    const { deliveries, errors } = consume(queueUrl, { sqs, visibilityTimeoutSeconds: 1 });
    await emulator.send(queueUrl, 'x');
    await until(() => receives === 2);
    down = false;
    expect(deliveries).toHaveLength(1);
    expect(errors.every(({ error }) => error.code === 'ERR_LEASE_LOST')).toBe(true);
    await deliveries[0]?.ack();
    expect(await empty(queueUrl)).toBe(true);
  });
});

describe('settling', () => {
  it('deletes again what failed to be deleted for the moment', async () => {
    const queueUrl = await emulator.createQueue('delete-flaky');
    const sqs = emulator.client();
    let tries = 0;
    intercept(sqs, ({ command }, next) => {
      if (command !== 'DeleteMessage') return next();
      tries += 1;
      if (tries === 1) return Promise.reject(new Error('connection lost'));
      if (tries > 2) return next();
      return Promise.reject(Object.assign(new Error('x'), { name: 'InternalError', $fault: 'server' }));
    });
    const { deliveries, errors } = consume(queueUrl, { sqs });
    await emulator.send(queueUrl, 'x');
    await until(() => deliveries.length === 1);
    await deliveries[0]?.ack();
    expect(tries).toBe(3);
    expect(errors).toEqual([]);
    expect(await empty(queueUrl)).toBe(true);
  });

  it('reports what could not be deleted, and does not reject', async () => {
    const queueUrl = await emulator.createQueue('delete-refused');
    const sqs = emulator.client();
    intercept(sqs, ({ command }, next) =>
      command === 'DeleteMessage'
        ? Promise.reject(Object.assign(new Error('x'), { name: 'ReceiptHandleIsInvalid', $fault: 'client' }))
        : next(),
    );
    const { deliveries, errors, consumer } = consume(queueUrl, { sqs, visibilityTimeoutSeconds: 30 });
    await emulator.send(queueUrl, 'x');
    await until(() => deliveries.length === 1);
    await deliveries[0]?.ack();
    expect(errors).toMatchObject([{ error: { code: 'ERR_LEASE_LOST' } }]);
    expect(consumer.inFlight).toBe(0);
  });

  it('gives back after the delay asked for, which no heartbeat overrides', async () => {
    const queueUrl = await emulator.createQueue('retry');
    const { deliveries, errors } = consume(queueUrl, { visibilityTimeoutSeconds: 1 });
    await emulator.send(queueUrl, 'x');
    await until(() => deliveries.length === 1);
    const startedAt = Date.now();
    await deliveries[0]?.retry(2_500);
    await deliveries[0]?.ack(); // too late, does nothing
    await until(() => deliveries.length === 2);
    // Rounded up to 3 s; a heartbeat would have made it 1 s, or never.
    expect(Date.now() - startedAt).toBeGreaterThan(2_900);
    expect(Date.now() - startedAt).toBeLessThan(4_500);
    expect(deliveries[1]?.attempt).toBe(2);
    expect(errors).toEqual([]);
    await deliveries[1]?.ack();
  });

  it('hands out again at once what was given back without a delay', async () => {
    const queueUrl = await emulator.createQueue('retry-now');
    const { deliveries } = consume(queueUrl, { visibilityTimeoutSeconds: 30 });
    await emulator.send(queueUrl, 'x');
    for (let round = 1; round <= 20; round++) {
      await until(() => deliveries.length === round);
      await deliveries[round - 1]?.retry();
    }
    await until(() => deliveries.length === 21);
    await deliveries[20]?.ack();
    expect(await empty(queueUrl)).toBe(true);
  });

  it('reports a handler that throws, and gives its message back', async () => {
    const queueUrl = await emulator.createQueue('throws');
    const { deliveries, errors } = consume(queueUrl, {
      handle: () => {
        throw new Error('handler is broken');
      },
    });
    await emulator.send(queueUrl, 'x');
    await until(() => deliveries.length === 2);
    expect(errors[0]).toMatchObject({ error: { code: 'ERR_INTERNAL' }, message: { attempt: 1 } });
    await deliveries[1]?.ack();
  });
});

describe('rejecting', () => {
  it('moves a message to the dead-letter queue', async () => {
    const queueUrl = await emulator.createQueue('reject');
    const deadLetterQueueUrl = await emulator.createQueue('reject-dead');
    const { deliveries, errors } = consume(queueUrl, { deadLetterQueueUrl });
    await emulator.send(queueUrl, 'poison');
    await until(() => deliveries.length === 1);
    await deliveries[0]?.reject('it is poison');
    const [copy] = await emulator.receive(deadLetterQueueUrl);
    expect(copy).toMatchObject({
      Body: 'poison',
      MessageAttributes: { DeadLetterReason: { StringValue: 'it is poison' } },
    });
    expect(await empty(queueUrl)).toBe(true);
    expect(errors).toEqual([]);
  });

  it('gives a message back, later, that could not be written there', async () => {
    const queueUrl = await emulator.createQueue('reject-fails');
    const deadLetterQueueUrl = queueUrl.replace('reject-fails', 'nowhere');
    const { deliveries, errors } = consume(queueUrl, { deadLetterQueueUrl, visibilityTimeoutSeconds: 2 });
    await emulator.send(queueUrl, 'poison');
    await until(() => deliveries.length === 1);
    const startedAt = Date.now();
    await deliveries[0]?.reject('it is poison');
    expect(errors).toMatchObject([{ error: { code: 'ERR_DESTINATION_GONE' } }]);
    await until(() => deliveries.length === 2);
    expect(Date.now() - startedAt).toBeGreaterThan(1_500);
    await deliveries[1]?.ack();
  });

  it('drops a message when there is no dead-letter queue, and says all that is known of it', async () => {
    const queueUrl = await emulator.createQueue('reject-none');
    const { deliveries, errors, log } = consume(queueUrl);
    const id = await emulator.send(queueUrl, 'poison');
    await until(() => deliveries.length === 1);
    await deliveries[0]?.reject('it is poison');
    const details = { body: 'poison', reason: 'it is poison', messageId: id };
    expect(errors).toMatchObject([{ error: { code: 'ERR_DEAD_LETTERED', details }, message: { messageId: id } }]);
    expect(log.filter(({ level }) => level === 'error')).toMatchObject([{ facts: details }]);
    expect(await empty(queueUrl)).toBe(true);
  });
});

describe('stopping', () => {
  it('ends a long poll at once', async () => {
    const queueUrl = await emulator.createQueue('stop');
    const sqs = emulator.client();
    const calls = recordCalls(sqs);
    const { consumer } = consume(queueUrl, { sqs, waitTimeSeconds: 20 });
    await until(() => calls.length === 1);
    const startedAt = Date.now();
    await consumer.stopPolling();
    await consumer.close();
    expect(Date.now() - startedAt).toBeLessThan(1_000);
  });

  it('does so even where the SDK does not listen, and gives back what comes then', async () => {
    const queueUrl = await emulator.createQueue('stop-late');
    const sqs = emulator.client();
    const gate = createDeferred();
    let received = false;
    intercept(sqs, async ({ command }, next) => {
      const output = await next();
      if (command === 'ReceiveMessage') {
        received = true;
        await gate.promise;
      }
      return output;
    });
    await emulator.send(queueUrl, 'x');
    const { consumer, deliveries } = consume(queueUrl, { sqs, visibilityTimeoutSeconds: 60 });
    await until(() => received);
    await consumer.stopPolling();
    expect(await emulator.count(queueUrl)).toEqual({ visible: 0, inFlight: 1, delayed: 0 });
    gate.resolve();
    await until(() => hasVisible(queueUrl));
    expect(deliveries).toEqual([]);
  });

  it('keeps leases while what was received is finished', async () => {
    const queueUrl = await emulator.createQueue('drain');
    const sqs = emulator.client();
    const calls = recordCalls(sqs);
    const { consumer, deliveries } = consume(queueUrl, { sqs, visibilityTimeoutSeconds: 1 });
    await emulator.send(queueUrl, 'x');
    await until(() => deliveries.length === 1);
    await consumer.stopPolling();
    calls.length = 0;
    await until(() => calls.length >= 5);
    expect(await emulator.count(queueUrl)).toEqual({ visible: 0, inFlight: 1, delayed: 0 });
    await deliveries[0]?.ack();
    expect(await empty(queueUrl)).toBe(true);
    await consumer.close();
  });

  it('gives back at close what is not settled, and finishes what is being settled', async () => {
    const queueUrl = await emulator.createQueue('close');
    const { consumer, deliveries } = consume(queueUrl, { visibilityTimeoutSeconds: 60 });
    for (const body of ['acked', 'delayed', 'open']) await emulator.send(queueUrl, body);
    await until(() => deliveries.length === 3);
    const byBody = new Map(deliveries.map((delivery) => [delivery.envelope.body, delivery]));
    void byBody.get('acked')?.ack();
    void byBody.get('delayed')?.retry(60_000);
    await Promise.all([consumer.close(), consumer.close()]);
    expect(consumer.inFlight).toBe(0);
    expect(await emulator.count(queueUrl)).toEqual({ visible: 1, inFlight: 1, delayed: 0 });
    const [again] = await emulator.receive(queueUrl);
    expect(again?.Body).toBe('open');
    await byBody.get('open')?.ack(); // given back already: does nothing
    expect(await emulator.count(queueUrl)).toEqual({ visible: 0, inFlight: 2, delayed: 0 });
  });

  it('refuses a second start', async () => {
    const { consumer } = consume(await emulator.createQueue('twice'));
    expect(() => consumer.start()).toThrow(expect.objectContaining({ code: 'ERR_ALREADY_STARTED' }));
    await consumer.close();
    expect(() => consumer.start()).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }));
  });

  it('can be closed without having been started', async () => {
    const queueUrl = await emulator.createQueue('unstarted');
    const { sqs } = emulator;
    const logger = recordingLogger();
    const deadLetter = { send: () => Promise.resolve(false) };
    const consumer = createSqsConsumer({
      sqs,
      queueUrl,
      handle: async () => {},
      limit: 1,
      waitTimeSeconds: 20,
      visibilityTimeoutSeconds: 2,
      deadLetter,
      logger,
      onerror: () => {},
    });
    await consumer.stopPolling();
    await consumer.close();
    expect(consumer.inFlight).toBe(0);
  });
});
