import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createEnvelope, createMetadata } from '@asyncmcp/core';
import { createDeferred, rejectionOf, until } from '@asyncmcp/testkit';
import { createQueueLimits } from '../src/queue-limits.js';
import { createSqsSender } from '../src/sender.js';
import { intercept, recordCalls, recordingLogger, sortedBodies, startEmulator } from './support.js';
import type { SendMessageBatchCommandInput, SendMessageCommandInput, SQSClient } from '@aws-sdk/client-sqs';
import type { Sender, SqsSenderOptions } from '../src/sender.js';
import type { Call, Emulator } from './support.js';

let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator();
});
afterAll(() => emulator.stop());

function createSender(options: Partial<SqsSenderOptions> = {}): Sender {
  const { sqs = emulator.sqs } = options;
  const logger = recordingLogger();
  const limits = createQueueLimits(sqs, logger);
  return createSqsSender({ sqs, limits, logger, messageAttributes: {}, controlGroup: false, ...options });
}

const plain = (body: string) => ({ body, attributes: {} });
const unavailable = () => Object.assign(new Error('try later'), { name: 'ServiceUnavailable', $fault: 'server' });

function entriesOf(call: Call): NonNullable<SendMessageBatchCommandInput['Entries']> {
  const { Entries } = call.input as SendMessageBatchCommandInput;
  // A lone message is sent as one.
  return Entries ?? [{ Id: '0', ...(call.input as SendMessageCommandInput) }];
}

/** Bodies of the messages of each send. */
function batches(calls: readonly Call[]): string[][] {
  const sends = calls.filter(({ command }) => command.startsWith('SendMessage'));
  return sends.map((call) => entriesOf(call).map(({ MessageBody = '' }) => MessageBody));
}

/** Refuses the entries whose body is in `bodies`, with AWS's answer for a failed entry, until `times` runs out. */
function refuseEntries(sqs: SQSClient, bodies: readonly string[], failure: object, times = Infinity): void {
  let left = times;
  intercept(sqs, async (call, next) => {
    if (!call.command.startsWith('SendMessage') || left <= 0) return next();
    const all = entriesOf(call);
    const refused = all.filter(({ MessageBody = '' }) => bodies.includes(MessageBody));
    if (refused.length > 0) left -= 1;
    if (call.command === 'SendMessage' && refused.length > 0) {
      const { Code, SenderFault } = { Code: 'Unknown', SenderFault: false, ...failure };
      throw Object.assign(new Error('refused'), { name: Code, $fault: SenderFault ? 'client' : 'server' });
    }
    if (call.command === 'SendMessage') return next();
    const rest = all.filter((entry) => !refused.includes(entry));
    const output = rest.length > 0 ? await next({ ...call.input, Entries: rest }) : {};
    return { ...(output as object), Failed: refused.map(({ Id }) => ({ Id, ...failure })) };
  });
}

describe('sending', () => {
  it('sends an envelope with its attributes', async () => {
    const queueUrl = await emulator.createQueue('envelope');
    const sender = createSender({ messageAttributes: { tenant: 'acme' } });
    const message = { jsonrpc: '2.0', id: 0, method: 'tools/list', params: { x: '\ufffe' } } as const;
    await sender.sendEnvelope(queueUrl, createEnvelope(message, { sessionId: 's', clientId: 'c', replyTo: 'r' }));
    await sender.sendTermination(queueUrl, createMetadata({ sessionId: 's' }));
    const [first, second] = await emulator.receive(queueUrl);
    expect(JSON.parse(first?.Body ?? '')).toEqual(message);
    expect(first?.MessageAttributes).toMatchObject({
      MessageType: { StringValue: 'jsonrpc' },
      RequestId: { StringValue: '0' },
      tenant: { StringValue: 'acme' },
    });
    expect(second?.Body).toBe('{}');
    expect(second?.MessageAttributes).toMatchObject({ MessageType: { StringValue: 'terminate' } });
  });

  it('sends in smaller batches where a batch is too long, in order, and fails what is too long alone', async () => {
    const queueUrl = await emulator.createQueue('small-batches');
    const sqs = emulator.client();
    const calls: Call[] = [];
    intercept(sqs, async (call, next) => {
      calls.push(call);
      const size = entriesOf(call).reduce((sum, { MessageBody = '' }) => sum + MessageBody.length, 0);
      if (size <= 20) return next();
      throw Object.assign(new Error('too long'), { name: 'BatchRequestTooLong', $fault: 'client' });
    });
    const sender = createSender({ sqs });
    const bodies = ['a'.repeat(9), 'b'.repeat(9), 'c'.repeat(9), 'd'.repeat(21)];
    const sent = await Promise.allSettled(bodies.map((body) => sender.send(queueUrl, plain(body))));
    expect(sent).toMatchObject([
      { status: 'fulfilled' },
      { status: 'fulfilled' },
      { status: 'fulfilled' },
      { status: 'rejected', reason: { code: 'ERR_MESSAGE_TOO_LARGE' } },
    ]);
    expect(batches(calls).map((batch) => batch.map((body) => body.charAt(0)).join(''))).toEqual([
      'abcd',
      'ab',
      'cd',
      'c',
      'd',
    ]);
    expect(sortedBodies(await emulator.receive(queueUrl))).toEqual(bodies.slice(0, 3));
  });

  it('batches what waits behind a call, and loses nothing', async () => {
    const queueUrl = await emulator.createQueue('batched');
    const sqs = emulator.client();
    const calls = recordCalls(sqs);
    const sender = createSender({ sqs });
    const bodies = Array.from({ length: 95 }, (_, index) => `m${index}`);
    await Promise.all(bodies.map((body) => sender.send(queueUrl, plain(body))));
    expect(new Set(batches(calls).flat())).toEqual(new Set(bodies));
    expect(batches(calls)).toHaveLength(10);
    expect((await emulator.count(queueUrl)).visible).toBe(95);
  });

  it('leaves sockets of the client free when it writes to many queues', async () => {
    const sqs = emulator.client();
    let running = 0;
    let most = 0;
    intercept(sqs, async ({ input }) => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      running -= 1;
      return { Successful: 'Entries' in input ? [{ Id: '0' }] : [] };
    });
    const sender = createSender({ sqs });
    await Promise.all(Array.from({ length: 200 }, (_, index) => sender.send(`https://a/1/q${index}`, plain('x'))));
    expect(most).toBe(32);
  });

  it('keeps a batch within 1 MiB', async () => {
    const queueUrl = await emulator.createQueue('heavy');
    const sender = createSender();
    const body = 'x'.repeat(300_000);
    await Promise.all(Array.from({ length: 7 }, () => sender.send(queueUrl, plain(body))));
    expect((await emulator.count(queueUrl)).visible).toBe(7);
  });

  it('names both sizes when a message is too large for its queue', async () => {
    const queueUrl = await emulator.createQueue('tight', { MaximumMessageSize: '2048' });
    const sender = createSender();
    const small = sender.send(queueUrl, plain('x'.repeat(2048)));
    const large = sender.send(queueUrl, {
      body: 'x'.repeat(2040),
      attributes: { a: { DataType: 'String', StringValue: 'xx' } },
    });
    await expect(large).rejects.toMatchObject({
      code: 'ERR_MESSAGE_TOO_LARGE',
      details: { bytes: 2049, limitBytes: 2048 },
      message: expect.stringMatching(/2049 bytes.*2048 bytes/),
    });
    await small;
  });

  it('does not ask for the limit of a queue to send what fits into any', async () => {
    const queueUrl = await emulator.createQueue('unasked');
    const sqs = emulator.client();
    const calls = recordCalls(sqs);
    await createSender({ sqs }).send(queueUrl, plain('x'.repeat(1024)));
    expect(calls.map(({ command }) => command)).toEqual(['SendMessage']);
  });

  it('says at once that a queue does not exist', async () => {
    const queueUrl = (await emulator.createQueue('known')).replace('known', 'unknown');
    await expect(createSender().send(queueUrl, plain('x'))).rejects.toMatchObject({ code: 'ERR_DESTINATION_GONE' });
    await expect(createSender().send(queueUrl, plain('x'.repeat(5000)))).rejects.toMatchObject({
      code: 'ERR_DESTINATION_GONE',
    });
  });
});

describe('failures', () => {
  it('rejects only the entry that SQS refused', async () => {
    const queueUrl = await emulator.createQueue('refused');
    const sender = createSender();
    const sent = [plain('a'), plain('bad\u0001'), plain('c')].map((message) => sender.send(queueUrl, message));
    await expect(sent[1]).rejects.toMatchObject({ code: 'ERR_MESSAGE_INVALID' });
    await Promise.all([sent[0], sent[2]]);
    expect(sortedBodies(await emulator.receive(queueUrl))).toEqual(['a', 'c']);
  });

  it('tries an entry again that failed for the moment, and only that', async () => {
    const queueUrl = await emulator.createQueue('flaky-entry');
    const sqs = emulator.client();
    refuseEntries(sqs, ['b'], { Code: 'InternalError', Message: 'x', SenderFault: false }, 2);
    const sender = createSender({ sqs });
    await Promise.all(['a', 'b', 'c'].map((body) => sender.send(queueUrl, plain(body))));
    expect(sortedBodies(await emulator.receive(queueUrl))).toEqual(['a', 'b', 'c']);
  });

  it('tries a call again that failed, with the same message id', async () => {
    const queueUrl = await emulator.createQueue('flaky-call');
    const sqs = emulator.client();
    const tried: unknown[] = [];
    intercept(sqs, async (call, next) => {
      tried.push(entriesOf(call)[0]?.MessageAttributes?.['AsyncMcp']?.StringValue);
      if (tried.length < 3) throw unavailable();
      return next();
    });
    const envelope = createEnvelope({ jsonrpc: '2.0', id: 1, method: 'ping' }, { messageId: 'same' });
    await createSender({ sqs }).sendEnvelope(queueUrl, envelope);
    expect(tried).toEqual(Array.from({ length: 3 }, () => '{"v":1,"id":"same"}'));
  });

  it('gives up when time is up', async () => {
    const sqs = emulator.client();
    intercept(sqs, () => Promise.reject(unavailable()));
    const sender = createSender({ sqs, retryForMs: 200 });
    await expect(sender.send('https://a/1/q', plain('x'))).rejects.toMatchObject({ code: 'ERR_UNAVAILABLE' });
    await expect(sender.send('https://a/1/q.fifo', plain('x'))).rejects.toMatchObject({ code: 'ERR_UNAVAILABLE' });
  });

  it('survives an outage of the network', async () => {
    const queueUrl = await emulator.createQueue('outage');
    const sender = createSender();
    await sender.send(queueUrl, plain('before'));
    const outage = emulator.outage();
    const during = sender.send(queueUrl, plain('during'));
    await outage.end();
    await during;
    expect((await emulator.count(queueUrl)).visible).toBe(2);
  });

  it('ends the waiting when its signal aborts, and leaves other messages alone', async () => {
    const queueUrl = await emulator.createQueue('aborted');
    const sqs = emulator.client();
    const gate = createDeferred();
    intercept(sqs, async (_, next) => {
      await gate.promise;
      return next();
    });
    const sender = createSender({ sqs });
    const controller = new AbortController();
    const first = sender.send(queueUrl, plain('first'));
    await Promise.resolve();
    const aborted = sender.send(queueUrl, plain('aborted'), controller.signal);
    const other = sender.send(queueUrl, plain('other'));
    controller.abort();
    await expect(aborted).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    await expect(sender.send(queueUrl, plain('late'), controller.signal)).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    gate.resolve();
    await Promise.all([first, other]);
    expect(sortedBodies(await emulator.receive(queueUrl))).toEqual(['first', 'other']);
  });
});

describe('closing', () => {
  it('finishes calls under way and what waits behind them, and refuses what comes later', async () => {
    const queueUrl = await emulator.createQueue('closing');
    const sqs = emulator.client();
    const gate = createDeferred();
    const calls: Call[] = [];
    intercept(sqs, async (call, next) => {
      calls.push(call);
      await gate.promise;
      return next();
    });
    const sender = createSender({ sqs });
    const first = sender.send(queueUrl, plain('first'));
    await until(() => calls.length === 1);
    const second = sender.send(queueUrl, plain('second'));
    const closed = sender.close();
    await expect(sender.send(queueUrl, plain('third'))).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    gate.resolve();
    await Promise.all([first, second, closed, sender.close()]);
    expect((await emulator.count(queueUrl)).visible).toBe(2);
  });

  it.each(['https://a/1/q', 'https://a/1/q.fifo'])('stops trying again (%s)', async (queueUrl) => {
    const sqs = emulator.client();
    let tries = 0;
    intercept(sqs, () => {
      tries += 1;
      return Promise.reject(unavailable());
    });
    const sender = createSender({ sqs });
    const sending = rejectionOf(sender.send(queueUrl, plain('x')));
    await until(() => tries >= 1);
    await sender.close();
    expect(await sending).toMatchObject({ code: 'ERR_CLOSED' });
  });
});

describe('FIFO queues', () => {
  const request = { jsonrpc: '2.0', id: 1, method: 'ping' } as const;
  const response = { jsonrpc: '2.0', id: 1, result: {} } as const;

  async function groupsSent(controlGroup: boolean): Promise<string[]> {
    const queueUrl = await emulator.createQueue(`groups-${String(controlGroup)}.fifo`);
    const sender = createSender({ controlGroup });
    for (const message of [request, response]) {
      await sender.sendEnvelope(queueUrl, createEnvelope(message, { sessionId: 's', clientId: 'c' }));
      await sender.sendEnvelope(queueUrl, createEnvelope(message, { clientId: 'c' }));
    }
    await sender.sendTermination(queueUrl, createMetadata({ sessionId: 's' }));
    const groups = (await emulator.drain(queueUrl)).map((message) => message.Attributes?.MessageGroupId ?? '');
    return groups.toSorted((a, b) => a.localeCompare(b));
  }

  it('groups by session, then by client', async () => {
    expect(await groupsSent(false)).toEqual(['c', 'c', 's', 's', 's']);
  });

  it('lets a client’s answers and notices pass a running call', async () => {
    expect(await groupsSent(true)).toEqual(['c', 'c.control', 's', 's.control', 's.control']);
  });

  it('deduplicates by message id', async () => {
    const queueUrl = await emulator.createQueue('dedup.fifo');
    const sender = createSender();
    const envelope = createEnvelope(request, { messageId: 'm'.repeat(200) });
    await sender.sendEnvelope(queueUrl, envelope);
    await sender.sendEnvelope(queueUrl, envelope);
    expect((await emulator.count(queueUrl)).visible).toBe(1);
  });

  it('replaces group ids that SQS would refuse', async () => {
    const queueUrl = await emulator.createQueue('odd-groups.fifo');
    const sender = createSender();
    for (const groupId of ['a b', 'x'.repeat(129), 'ü']) await sender.send(queueUrl, { ...plain('x'), groupId });
    const groups = (await emulator.receive(queueUrl)).map((message) => message.Attributes?.MessageGroupId);
    expect(new Set(groups).size).toBe(3);
    for (const group of groups) expect(group).toMatch(/^[0-9a-f]{64}$/);
  });

  it('keeps the order when calls fail', async () => {
    const queueUrl = await emulator.createQueue('order.fifo');
    const sqs = emulator.client();
    let call = 0;
    intercept(sqs, async (_, next) => {
      call += 1;
      if (call % 2 === 1) throw unavailable();
      return next();
    });
    const sender = createSender({ sqs });
    const bodies = Array.from({ length: 25 }, (_, index) => `m${index}`);
    await Promise.all(bodies.map((body) => sender.send(queueUrl, { ...plain(body), groupId: 'g' })));
    const received = (await emulator.drain(queueUrl)).map(({ Body }) => Body);
    expect(received).toEqual(bodies);
  });
});
