import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  DeleteQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startAwsEmulator } from '../src/aws-emulator.js';
import { rejectionOf } from '../src/rejection.js';
import { until } from '../src/until.js';
import type { Message, ReceiveMessageRequest, SQSClient } from '@aws-sdk/client-sqs';
import type { AwsEmulator } from '../src/aws-emulator.js';

describe('long polls of the emulator', () => {
  let emulator: AwsEmulator;
  let sqs: SQSClient;
  let queueUrl: string;
  beforeEach(async () => {
    emulator = await startAwsEmulator();
    sqs = emulator.sqsClient();
    ({ queueUrl } = await emulator.createQueue('jobs'));
  });
  afterEach(() => emulator.stop());

  const send = (MessageBody: string, QueueUrl = queueUrl) =>
    sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));

  const receive = async (input: Partial<ReceiveMessageRequest>, abortSignal = new AbortController().signal) => {
    const names = { MessageSystemAttributeNames: ['All'] } as const;
    const command = new ReceiveMessageCommand({ QueueUrl: queueUrl, ...names, ...input } as ReceiveMessageRequest);
    const { Messages = [] } = await sqs.send(command, { abortSignal });
    return Messages;
  };

  /** A poll of 20 s, once the emulator has it. */
  const startPoll = async (input: Partial<ReceiveMessageRequest> = {}, abortSignal?: AbortSignal) => {
    const before = emulator.calls.of('ReceiveMessage');
    const result = timed(receive({ WaitTimeSeconds: 20, ...input }, abortSignal));
    await until(() => emulator.calls.of('ReceiveMessage') > before);
    return { result };
  };

  it('are answered at once when a message comes', async () => {
    const poll = await startPoll();
    await send('hello');
    const { messages, elapsedMs } = await poll.result;
    expect(bodies(messages)).toEqual(['hello']);
    expect(elapsedMs).toBeLessThan(5000);
  });

  it('are answered when a message becomes visible', async () => {
    await send('hello');
    const [first] = await receive({ VisibilityTimeout: 1 });
    const { messages, elapsedMs } = await (await startPoll()).result;
    expect(messages[0]?.MessageId).toBe(first?.MessageId);
    expect(elapsedMs).toBeLessThan(5000);
  });

  it('are answered when a message is given back', async () => {
    await send('hello');
    const [taken] = await receive({});
    const poll = await startPoll();
    const lease = { QueueUrl: queueUrl, ReceiptHandle: taken?.ReceiptHandle };
    await sqs.send(new ChangeMessageVisibilityCommand({ ...lease, VisibilityTimeout: 0 }));
    expect(bodies((await poll.result).messages)).toEqual(['hello']);
  });

  it('end empty after their time', async () => {
    const { messages, elapsedMs } = await timed(receive({ WaitTimeSeconds: 1 }));
    expect(messages).toEqual([]);
    expect(elapsedMs).toBeGreaterThan(950);
  });

  it('wait as long as the queue says', async () => {
    const patient = await emulator.createQueue('patient', { ReceiveMessageWaitTimeSeconds: '1' });
    const { elapsedMs } = await timed(receive({ QueueUrl: patient.queueUrl }));
    expect(elapsedMs).toBeGreaterThan(950);
    const { elapsedMs: impatient } = await timed(receive({ QueueUrl: patient.queueUrl, WaitTimeSeconds: 0 }));
    expect(impatient).toBeLessThan(950);
  });

  it('are refused when they want to wait too long', async () => {
    await expect(receive({ WaitTimeSeconds: 21 })).rejects.toThrow('Must be >= 0 and <= 20');
    await expect(receive({ WaitTimeSeconds: -1 })).rejects.toThrow('Must be >= 0 and <= 20');
    await expect(receive({ QueueUrl: `${queueUrl}-gone` })).rejects.toMatchObject({ name: 'QueueDoesNotExist' });
  });

  it('take one message each', async () => {
    const polls = await Promise.all([startPoll(), startPoll(), startPoll()]);
    for (const body of ['a', 'b', 'c']) await send(body);
    const results = await Promise.all(polls.map((poll) => poll.result));
    expect(new Set(results.flatMap(({ messages }) => bodies(messages)))).toEqual(new Set(['a', 'b', 'c']));
  });

  it('wait on while the only messages belong to a group in work', async () => {
    const fifo = await emulator.createQueue('jobs.fifo');
    const QueueUrl = fifo.queueUrl;
    const sendOne = (MessageBody: string) => {
      const ids = { MessageGroupId: 'group', MessageDeduplicationId: MessageBody };
      return sqs.send(new SendMessageCommand({ QueueUrl, MessageBody, ...ids }));
    };
    await sendOne('a');
    const [first] = await receive({ QueueUrl });
    const poll = await startPoll({ QueueUrl });
    await sendOne('b');
    await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: first?.ReceiptHandle }));
    expect(bodies((await poll.result).messages)).toEqual(['b']);
  });

  it('end with their queue', async () => {
    const poll = await startPoll();
    const refused = rejectionOf(poll.result);
    await sqs.send(new DeleteQueueCommand({ QueueUrl: queueUrl }));
    expect(await refused).toMatchObject({ name: 'QueueDoesNotExist' });
  });

  it('take nothing after their caller has gone', async () => {
    for (let round = 0; round < 10; round += 1) {
      const caller = new AbortController();
      const poll = await startPoll({}, caller.signal);
      const aborted = rejectionOf(poll.result);
      caller.abort();
      expect(await aborted).toMatchObject({ name: 'AbortError' });
      await send(`round ${round}`);
      const [message] = await receive({ WaitTimeSeconds: 5 });
      expect(message).toMatchObject({ Body: `round ${round}`, Attributes: { ApproximateReceiveCount: '1' } });
      await sqs.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle: message?.ReceiptHandle }));
    }
  });
});

async function timed(receiving: Promise<Message[]>): Promise<{ messages: Message[]; elapsedMs: number }> {
  const start = performance.now();
  const messages = await receiving;
  return { messages, elapsedMs: performance.now() - start };
}

function bodies(messages: Message[]): (string | undefined)[] {
  return messages.map(({ Body }) => Body);
}
