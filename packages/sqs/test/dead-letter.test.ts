import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDeadLetter } from '../src/dead-letter.js';
import { createQueueLimits } from '../src/queue-limits.js';
import { createSqsSender } from '../src/sender.js';
import { recordingLogger, startEmulator } from './support.js';
import type { Message, MessageAttributeValue } from '@aws-sdk/client-sqs';
import type { DeadLetter } from '../src/dead-letter.js';
import type { Emulator } from './support.js';

let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator();
});
afterAll(() => emulator.stop());

function deadLetterOf(queueUrl: string, deadLetterQueueUrl?: string): DeadLetter {
  const { sqs } = emulator;
  const logger = recordingLogger();
  const limits = createQueueLimits(sqs, logger);
  const sender = createSqsSender({ sqs, limits, logger, messageAttributes: { tenant: 'x' }, controlGroup: false });
  return createDeadLetter({ sqs, sender, limits, queueUrl, deadLetterQueueUrl, logger });
}

async function queueWithRedrive(name: string, attributes: Record<string, string> = {}, suffix = '') {
  const dead = await emulator.createQueue(`${name}-dead${suffix}`, attributes);
  const RedrivePolicy = JSON.stringify({
    deadLetterTargetArn: `arn:aws:sqs:us-east-1:000000000000:${name}-dead${suffix}`,
    maxReceiveCount: 5,
  });
  return { dead, queueUrl: await emulator.createQueue(`${name}${suffix}`, { RedrivePolicy }) };
}

async function received(queueUrl: string): Promise<Message> {
  const [message] = await emulator.receive(queueUrl);
  if (message === undefined) throw new Error('nothing received');
  return message;
}

const text = (StringValue: string): MessageAttributeValue => ({ DataType: 'String', StringValue });

describe('dead letters', () => {
  it('go to the target of the redrive policy, unchanged but for the reason', async () => {
    const { queueUrl, dead } = await queueWithRedrive('policy');
    const MessageAttributes = {
      SessionId: text('s'),
      Timestamp: { DataType: 'Number', StringValue: '17' },
      blob: { DataType: 'Binary', BinaryValue: new Uint8Array([1, 2, 255]) },
    };
    await emulator.send(queueUrl, '{"not":"json-rpc"}', { MessageAttributes });
    await expect(deadLetterOf(queueUrl).send(await received(queueUrl), 'no JSON-RPC\n')).resolves.toBe(true);
    const copy = await received(dead);
    expect(copy.Body).toBe('{"not":"json-rpc"}');
    expect(Object.keys(copy.MessageAttributes ?? {}).sort()).toEqual([
      'DeadLetterReason',
      'SessionId',
      'Timestamp',
      'blob',
    ]);
    expect(copy.MessageAttributes).toMatchObject({
      SessionId: { DataType: 'String', StringValue: 's' },
      Timestamp: { DataType: 'Number', StringValue: '17' },
      DeadLetterReason: { DataType: 'String', StringValue: 'no JSON-RPC ' },
    });
    expect([...(copy.MessageAttributes?.['blob']?.BinaryValue ?? [])]).toEqual([1, 2, 255]);
  });

  it('go to the given queue rather than to the policy’s', async () => {
    const { queueUrl, dead } = await queueWithRedrive('given');
    const own = await emulator.createQueue('given-own');
    await emulator.send(queueUrl, 'x');
    await expect(deadLetterOf(queueUrl, own).send(await received(queueUrl), '')).resolves.toBe(true);
    expect((await received(own)).MessageAttributes).toMatchObject({ DeadLetterReason: { StringValue: 'unknown' } });
    expect((await emulator.count(dead)).visible).toBe(0);
  });

  it('have nowhere to go without either', async () => {
    const queueUrl = await emulator.createQueue('without');
    await emulator.send(queueUrl, 'x');
    await expect(deadLetterOf(queueUrl).send(await received(queueUrl), 'why')).resolves.toBe(false);
  });

  it('go without the reason where there is no room for it', async () => {
    const { queueUrl, dead } = await queueWithRedrive('full', { MaximumMessageSize: '1024' });
    const MessageAttributes = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`a${index}`, text('x')]));
    const deadLetter = deadLetterOf(queueUrl);
    await emulator.send(queueUrl, 'ten attributes', { MessageAttributes });
    await deadLetter.send(await received(queueUrl), 'why');
    await emulator.send(queueUrl, 'x'.repeat(1020));
    await deadLetter.send(await received(queueUrl), 'why');
    const copies = await emulator.receive(dead);
    const counts = new Map(
      copies.map(({ Body, MessageAttributes = {} }) => [Body, Object.keys(MessageAttributes).length]),
    );
    expect(counts).toEqual(
      new Map([
        ['ten attributes', 10],
        ['x'.repeat(1020), 0],
      ]),
    );
  });

  it('keep their group in a FIFO queue, and are written once', async () => {
    const { queueUrl, dead } = await queueWithRedrive('ordered', {}, '.fifo');
    await emulator.send(queueUrl, 'x', { MessageGroupId: 'g', MessageDeduplicationId: 'd' });
    const message = await received(queueUrl);
    const deadLetter = deadLetterOf(queueUrl);
    await deadLetter.send(message, 'why');
    await deadLetter.send(message, 'why');
    expect(await emulator.count(dead)).toMatchObject({ visible: 1 });
    expect((await received(dead)).Attributes).toMatchObject({ MessageGroupId: 'g' });
  });

  it('reject when they could not be written', async () => {
    const queueUrl = await emulator.createQueue('broken');
    const nowhere = queueUrl.replace('broken', 'nowhere');
    await emulator.send(queueUrl, 'x');
    await expect(deadLetterOf(queueUrl, nowhere).send(await received(queueUrl), 'why')).rejects.toMatchObject({
      code: 'ERR_DESTINATION_GONE',
    });
  });
});
