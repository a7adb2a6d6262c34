import {
  ChangeMessageVisibilityBatchCommand,
  ChangeMessageVisibilityCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startAwsEmulator } from '../src/aws-emulator.js';
import { rejectionOf } from '../src/rejection.js';
import { throttlingError, unavailableError } from '../src/sqs-errors.js';
import { injectSqsFaults } from '../src/sqs-faults.js';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { AwsEmulator } from '../src/aws-emulator.js';
import type { SqsFaults } from '../src/sqs-faults.js';

describe('injectSqsFaults', () => {
  let emulator: AwsEmulator;
  let sqs: SQSClient;
  let faults: SqsFaults;
  let QueueUrl: string;
  let queues = 0;
  beforeAll(async () => {
    emulator = await startAwsEmulator();
  });
  afterAll(() => emulator.stop());
  beforeEach(async () => {
    sqs = emulator.sqsClient();
    faults = injectSqsFaults(sqs);
    queues += 1;
    QueueUrl = (await emulator.createQueue(`jobs-${queues}`)).queueUrl;
    emulator.calls.reset();
  });

  const send = (MessageBody: string) => sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
  const sendBatch = (...bodies: string[]) =>
    sqs.send(
      new SendMessageBatchCommand({ QueueUrl, Entries: bodies.map((body) => ({ Id: body, MessageBody: body })) }),
    );
  const receive = async (abortSignal = new AbortController().signal) => {
    const command = new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 });
    const { Messages = [] } = await sqs.send(command, { abortSignal });
    return Messages;
  };
  const receiveHandles = async () => (await receive()).map(({ ReceiptHandle }) => String(ReceiptHandle));
  const remaining = async () => (await emulator.receiveAll(QueueUrl)).map(({ Body }) => Body);

  it('changes nothing by itself', async () => {
    await send('a');
    expect(await sendBatch('b', 'c')).toMatchObject({ Successful: [{ Id: 'b' }, { Id: 'c' }] });
    const handles = await receiveHandles();
    expect(handles).toHaveLength(3);
    for (const ReceiptHandle of handles) await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
    expect(await emulator.messages(QueueUrl)).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
    expect(faults.injected.total).toBe(0);
  });

  describe('failSends', () => {
    it('fails so many sends before they reach the broker', async () => {
      faults.failSends(2);
      await expect(send('a')).rejects.toMatchObject({ name: 'TimeoutError', code: 'ECONNRESET' });
      await expect(sendBatch('b', 'c')).rejects.toMatchObject({ code: 'ECONNRESET' });
      await send('d');
      expect(await remaining()).toEqual(['d']);
      expect(faults.injected.all()).toEqual({ failSends: 2 });
      expect(emulator.calls.all()).toEqual({ SendMessage: 1 });
    });

    it('throws the error it is given', async () => {
      faults.failSends(1, throttlingError());
      await expect(send('a')).rejects.toMatchObject({ name: 'ThrottlingException', $fault: 'client' });
      faults.failSends(1, unavailableError());
      await expect(send('a')).rejects.toMatchObject({ $metadata: { httpStatusCode: 503 } });
    });

    it('goes on until it is told otherwise', async () => {
      faults.failSends(Infinity);
      for (const body of ['a', 'b', 'c']) await expect(send(body)).rejects.toThrow('socket hang up');
      faults.failSends(0);
      await send('d');
      expect(await remaining()).toEqual(['d']);
    });
  });

  describe('failEntries', () => {
    it('refuses so many entries, and sends the others', async () => {
      faults.failEntries(2);
      expect(await sendBatch('a', 'b', 'c')).toMatchObject({
        Successful: [{ Id: 'c', MessageId: expect.any(String) }],
        Failed: [
          { Id: 'a', Code: 'InternalError', SenderFault: false },
          { Id: 'b', Code: 'InternalError', SenderFault: false },
        ],
      });
      expect(await remaining()).toEqual(['c']);
      expect(faults.injected.all()).toEqual({ failEntries: 2 });
    });

    it('makes no call when there is no entry left, and goes on with the next batch', async () => {
      faults.failEntries(3, { code: 'InvalidMessageContents', senderFault: true });
      expect(await sendBatch('a', 'b')).toMatchObject({
        Successful: [],
        Failed: [
          { Id: 'a', Code: 'InvalidMessageContents', SenderFault: true },
          { Id: 'b', Code: 'InvalidMessageContents', SenderFault: true },
        ],
      });
      expect(emulator.calls.total).toBe(0);
      expect(await sendBatch('c', 'd')).toMatchObject({ Successful: [{ Id: 'd' }], Failed: [{ Id: 'c' }] });
      expect(await remaining()).toEqual(['d']);
    });

    it('leaves single sends alone', async () => {
      faults.failEntries(1);
      await send('a');
      expect(await remaining()).toEqual(['a']);
    });
  });

  it('loseSendResponses: the broker has the message, the caller is told it timed out', async () => {
    faults.loseSendResponses(2);
    await expect(send('a')).rejects.toMatchObject({ name: 'TimeoutError' });
    await expect(sendBatch('b', 'c')).rejects.toMatchObject({ name: 'TimeoutError' });
    await send('a');
    expect(await remaining()).toEqual(['a', 'b', 'c', 'a']);
    expect(faults.injected.all()).toEqual({ loseSendResponses: 2 });
  });

  it('duplicateSends: the broker gets the message twice', async () => {
    faults.duplicateSends(2);
    await send('a');
    expect(await sendBatch('b', 'c')).toMatchObject({ Successful: [{ Id: 'b' }, { Id: 'c' }] });
    await send('d');
    expect(await remaining()).toEqual(['a', 'a', 'b', 'c', 'b', 'c', 'd']);
    expect(faults.injected.all()).toEqual({ duplicateSends: 2 });
  });

  it('failReceives: so many receives fail before they reach the broker', async () => {
    await send('a');
    faults.failReceives(1);
    await expect(receive()).rejects.toMatchObject({ code: 'ECONNRESET' });
    faults.failReceives(1, throttlingError());
    await expect(receive()).rejects.toMatchObject({ name: 'ThrottlingException' });
    expect(emulator.calls.of('ReceiveMessage')).toBe(0);
    expect(await receive()).toHaveLength(1);
  });

  describe('delayReceives', () => {
    it('holds messages back that the broker has handed out', async () => {
      await send('a');
      faults.delayReceives(200);
      const start = performance.now();
      expect(await receive()).toHaveLength(1);
      expect(performance.now() - start).toBeGreaterThan(190);
      expect(faults.injected.of('delayReceives')).toBe(1);
    });

    it('ends when the caller gives up', async () => {
      faults.delayReceives(60_000);
      const caller = new AbortController();
      const aborted = rejectionOf(receive(caller.signal));
      setTimeout(() => caller.abort(), 50);
      expect(await aborted).toMatchObject({ name: 'AbortError' });
    });

    it('ends when the faults are cleared', async () => {
      await send('a');
      faults.delayReceives(60_000);
      const received = receive();
      setTimeout(() => faults.clear(), 50);
      expect(await received).toHaveLength(1);
    });
  });

  it('reorderReceives: another order than the broker’s, the same for the same seed', async () => {
    const order = async (seed: number) => {
      faults.reorderReceives(seed);
      await sendBatch('a', 'b', 'c', 'd', 'e');
      const messages = await receive();
      for (const { ReceiptHandle } of messages) await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      return messages.map(({ Body }) => Body).join('');
    };
    const first = await order(1);
    expect(first).toHaveLength(5);
    expect(first).not.toBe('abcde');
    expect(await order(1)).toBe(first);
    expect(new Set(await Promise.all([order(2), Promise.resolve(first)])).size).toBe(2);
    expect(faults.injected.of('reorderReceives')).toBe(3);
  });

  describe('dropDeletes', () => {
    it('reports a delete as done that never happens', async () => {
      await send('a');
      const [ReceiptHandle] = await receiveHandles();
      faults.dropDeletes(1);
      await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      expect(await emulator.messages(QueueUrl)).toMatchObject({ inFlight: 1 });
      await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      expect(await emulator.messages(QueueUrl)).toMatchObject({ inFlight: 0 });
    });

    it('does so for the entries of a batch', async () => {
      await sendBatch('a', 'b', 'c');
      const Entries = (await receiveHandles()).map((ReceiptHandle, index) => ({ Id: `${index}`, ReceiptHandle }));
      faults.dropDeletes(2);
      const result = await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
      expect(result).toMatchObject({ Successful: [{ Id: '0' }, { Id: '1' }, { Id: '2' }], Failed: [] });
      expect(await emulator.messages(QueueUrl)).toMatchObject({ inFlight: 2 });
      expect(faults.injected.all()).toEqual({ dropDeletes: 2 });
    });
  });

  describe('expireLeases', () => {
    it('refuses to change a visibility', async () => {
      await send('a');
      const [ReceiptHandle] = await receiveHandles();
      const giveBack = () =>
        sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 }));
      faults.expireLeases(1);
      await expect(giveBack()).rejects.toMatchObject({ name: 'ReceiptHandleIsInvalid' });
      expect(await emulator.messages(QueueUrl)).toMatchObject({ inFlight: 1 });
      await giveBack();
      expect(await emulator.messages(QueueUrl)).toMatchObject({ visible: 1 });
    });

    it('refuses the entries of a batch, for good unless a number is given', async () => {
      await sendBatch('a', 'b');
      const leases = (await receiveHandles()).map((ReceiptHandle, index) => ({ Id: `${index}`, ReceiptHandle }));
      const Entries = leases.map((lease) => ({ ...lease, VisibilityTimeout: 0 }));
      faults.expireLeases();
      for (let round = 0; round < 2; round += 1) {
        const result = await sqs.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries }));
        expect(result).toMatchObject({
          Successful: [],
          Failed: [
            { Id: '0', Code: 'ReceiptHandleIsInvalid', SenderFault: true },
            { Id: '1', Code: 'ReceiptHandleIsInvalid', SenderFault: true },
          ],
        });
      }
      expect(faults.injected.of('expireLeases')).toBe(4);
      faults.clear();
      await sqs.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries }));
      expect(await emulator.messages(QueueUrl)).toMatchObject({ visible: 2 });
    });
  });

  it('combines faults', async () => {
    faults.failEntries(1);
    faults.duplicateSends(1);
    faults.loseSendResponses(1);
    await expect(sendBatch('a', 'b')).rejects.toMatchObject({ name: 'TimeoutError' });
    expect(await remaining()).toEqual(['b', 'b']);
    expect(faults.injected.all()).toEqual({ failEntries: 1, duplicateSends: 1, loseSendResponses: 1 });
  });

  it('can be cleared, and removed', async () => {
    faults.failSends(Infinity);
    faults.failReceives(Infinity);
    faults.clear();
    await send('a');
    expect(await receive()).toHaveLength(1);
    expect(() => injectSqsFaults(sqs)).toThrow('Duplicate middleware name');
    faults.remove();
    faults.failSends(Infinity);
    await send('b');
    injectSqsFaults(sqs).failSends(1);
    await expect(send('c')).rejects.toThrow('socket hang up');
  });
});
