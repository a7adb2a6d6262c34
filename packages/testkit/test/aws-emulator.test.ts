import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueUrlCommand,
  ListQueuesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startAwsEmulator } from '../src/aws-emulator.js';
import { until } from '../src/until.js';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { AwsEmulator } from '../src/aws-emulator.js';

describe('startAwsEmulator', () => {
  let emulator: AwsEmulator;
  let sqs: SQSClient;
  beforeEach(async () => {
    emulator = await startAwsEmulator();
    sqs = emulator.sqsClient();
  });
  afterEach(() => emulator.stop());

  const send = (QueueUrl: string, MessageBody = 'hello') => sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));

  it('gives its queues URLs under its own address', async () => {
    expect(emulator.endpoint).toBe(`http://127.0.0.1:${emulator.port}`);
    const { queueUrl, queueArn } = await emulator.createQueue('jobs');
    expect(queueUrl).toBe(`${emulator.endpoint}/000000000000/jobs`);
    expect(queueArn).toBe('arn:aws:sqs:us-east-1:000000000000:jobs');
    expect(await sqs.send(new CreateQueueCommand({ QueueName: 'jobs' }))).toMatchObject({ QueueUrl: queueUrl });
    expect(await sqs.send(new GetQueueUrlCommand({ QueueName: 'jobs' }))).toMatchObject({ QueueUrl: queueUrl });
    expect(await sqs.send(new ListQueuesCommand({}))).toMatchObject({ QueueUrls: [queueUrl] });
  });

  it('has one region, whatever a client is configured for', async () => {
    const elsewhere = emulator.sqsClient({ region: 'eu-west-1' });
    const { queueUrl } = await emulator.createQueue('jobs');
    expect(await elsewhere.send(new CreateQueueCommand({ QueueName: 'jobs' }))).toMatchObject({ QueueUrl: queueUrl });
  });

  it('knows neither other accounts nor other hosts', async () => {
    const { queueUrl } = await emulator.createQueue('jobs');
    for (const url of [
      queueUrl.replace('000000000000', '111111111111'),
      queueUrl.replace('127.0.0.1', 'example.com'),
      `${queueUrl}-gone`,
    ]) {
      await expect(send(url)).rejects.toMatchObject({ name: 'QueueDoesNotExist' });
    }
  });

  it('carries messages with all they have', async () => {
    const { queueUrl } = await emulator.createQueue('jobs');
    // such a text is rewritten in queue URLs alone
    const MessageBody = 'see http://sqs.us-east-1.localhost/000000000000/jobs ✓';
    await sqs.send(
      new SendMessageCommand({
        QueueUrl: queueUrl,
        MessageBody,
        MessageAttributes: {
          Text: { DataType: 'String', StringValue: 'ünïcödé' },
          Bytes: { DataType: 'Binary', BinaryValue: Buffer.from([0, 1, 255]) },
        },
      }),
    );
    const [message, ...others] = await emulator.receiveAll(queueUrl);
    expect(others).toEqual([]);
    expect(message).toMatchObject({
      Body: MessageBody,
      Attributes: { ApproximateReceiveCount: '1' },
      MessageAttributes: {
        Text: { DataType: 'String', StringValue: 'ünïcödé' },
        Bytes: { DataType: 'Binary', BinaryValue: Buffer.from([0, 1, 255]) },
      },
    });
  });

  it('counts what a queue holds', async () => {
    const { queueUrl } = await emulator.createQueue('jobs');
    for (const body of ['a', 'b', 'c']) await send(queueUrl, body);
    await sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: 'later', DelaySeconds: 60 }));
    await sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: 'soon', DelaySeconds: 1 }));
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: queueUrl, VisibilityTimeout: 1 }));
    expect(Messages).toHaveLength(1);
    expect(await emulator.messages(queueUrl)).toEqual({ visible: 2, inFlight: 1, delayed: 2 });
    await until(async () => (await emulator.messages(queueUrl)).visible === 4, { message: 'the times to run out' });
    expect(await emulator.messages(queueUrl)).toEqual({ visible: 4, inFlight: 0, delayed: 1 });
  });

  it('drains FIFO queues in order', async () => {
    const { queueUrl } = await emulator.createQueue('jobs.fifo');
    for (const MessageBody of ['a', 'b', 'c']) {
      const ids = { MessageGroupId: 'group', MessageDeduplicationId: MessageBody };
      await sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody, ...ids }));
    }
    expect((await emulator.receiveAll(queueUrl)).map(({ Body }) => Body)).toEqual(['a', 'b', 'c']);
    expect(await emulator.messages(queueUrl)).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
  });

  it('counts the calls of clients by action, and not its own', async () => {
    const { queueUrl } = await emulator.createQueue('jobs');
    await send(queueUrl);
    await send(queueUrl);
    await emulator.receiveAll(queueUrl);
    await emulator.messages(queueUrl);
    await query({ Action: 'ListTopics' });
    expect(emulator.calls.of('SendMessage')).toBe(2);
    expect(emulator.calls.all()).toEqual({ SendMessage: 2, ListTopics: 1 });
    expect(emulator.calls.total).toBe(3);
    emulator.calls.reset();
    expect(emulator.calls.of('SendMessage')).toBe(0);
  });

  it('delivers from a topic to a waiting receiver', async () => {
    const { queueUrl, queueArn } = await emulator.createQueue('jobs');
    const TopicArn = 'arn:aws:sns:us-east-1:000000000000:news';
    expect(await query({ Action: 'CreateTopic', Name: 'news' })).toContain(TopicArn);
    await query({ Action: 'Subscribe', TopicArn, Protocol: 'sqs', Endpoint: queueArn });
    const waiting = sqs.send(new ReceiveMessageCommand({ QueueUrl: queueUrl, WaitTimeSeconds: 20 }));
    await until(() => emulator.calls.of('ReceiveMessage') === 1);
    await query({ Action: 'Publish', TopicArn, Message: 'extra, extra' });
    const { Messages } = await waiting;
    expect(Messages).toMatchObject([{ Body: expect.stringContaining('extra, extra') }]);
  });

  it('answers what is no request to it', async () => {
    const answers = await Promise.all([
      fetch(emulator.endpoint, {
        method: 'POST',
        body: '{',
        headers: { 'content-type': 'application/x-amz-json-1.0' },
      }),
      fetch(emulator.endpoint, { method: 'POST', body: '<nonsense/>', headers: { 'content-type': 'text/xml' } }),
    ]);
    expect(answers.map(({ ok }) => ok)).toEqual([false, false]);
    expect(emulator.calls.all()).toEqual({ unknown: 2 });
  });

  it('moves a message to the dead letters after so many receives', async () => {
    const dead = await emulator.createQueue('dead');
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: dead.queueArn, maxReceiveCount: 1 });
    const { queueUrl } = await emulator.createQueue('jobs', { VisibilityTimeout: '0', RedrivePolicy });
    await send(queueUrl);
    const receive = () => sqs.send(new ReceiveMessageCommand({ QueueUrl: queueUrl }));
    expect((await receive()).Messages).toHaveLength(1);
    expect((await receive()).Messages).toBeUndefined();
    expect(await emulator.receiveAll(dead.queueUrl)).toHaveLength(1);
  });

  it('lets a lease be given back and a message be deleted', async () => {
    const { queueUrl } = await emulator.createQueue('jobs');
    await send(queueUrl);
    const receive = async () => {
      const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: queueUrl }));
      return { QueueUrl: queueUrl, ReceiptHandle: Messages[0]?.ReceiptHandle };
    };
    await sqs.send(new ChangeMessageVisibilityCommand({ ...(await receive()), VisibilityTimeout: 0 }));
    await sqs.send(new DeleteMessageCommand(await receive()));
    expect(await emulator.messages(queueUrl)).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
  });

  /** A request in the protocol of SNS, for which there is no client here. */
  async function query(parameters: Record<string, string>): Promise<string> {
    const response = await fetch(emulator.endpoint, { method: 'POST', body: new URLSearchParams(parameters) });
    expect(response.status).toBe(200);
    return response.text();
  }
});
