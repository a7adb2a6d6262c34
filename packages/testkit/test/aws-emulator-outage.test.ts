import { DeleteMessageCommand, ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { startAwsEmulator } from '../src/aws-emulator.js';
import { rejectionOf } from '../src/rejection.js';
import { until } from '../src/until.js';
import type { AwsEmulator } from '../src/aws-emulator.js';

describe('an emulator that is down', () => {
  let emulator: AwsEmulator;
  let sqs: SQSClient;
  let queueUrl: string;
  beforeEach(async () => {
    emulator = await startAwsEmulator();
    sqs = emulator.sqsClient({ maxAttempts: 1 });
    ({ queueUrl } = await emulator.createQueue('jobs'));
  });
  afterEach(() => emulator.stop());

  const send = (MessageBody: string, client = sqs) =>
    client.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody }));
  const poll = () => sqs.send(new ReceiveMessageCommand({ QueueUrl: queueUrl, WaitTimeSeconds: 20 }));

  it('refuses connections, and goes on where it was', async () => {
    await send('before');
    const outage = emulator.outage();
    await expect(send('lost')).rejects.toThrow(/ECONNREFUSED|socket hang up/);
    await expect(send('lost', emulator.sqsClient({ maxAttempts: 1 }))).rejects.toThrow('ECONNREFUSED');
    expect(await emulator.messages(queueUrl)).toMatchObject({ visible: 1 });
    await outage.end();
    await send('after');
    expect((await emulator.receiveAll(queueUrl)).map(({ Body }) => Body)).toEqual(['before', 'after']);
  });

  it('breaks open long polls at once', async () => {
    const broken = rejectionOf(poll());
    await until(() => emulator.calls.of('ReceiveMessage') === 1);
    const outage = emulator.outage();
    expect(String(await broken)).toContain('socket hang up');
    await outage.end();
    await send('hello');
    const { Messages = [] } = await poll();
    expect(Messages).toHaveLength(1);
  });

  it('is got over by a client that retries long enough', async () => {
    const patient = emulator.sqsClient({ maxAttempts: 20 });
    const outage = emulator.outage();
    const sent = send('patience', patient);
    await expect(send('haste')).rejects.toThrow(/ECONNREFUSED|socket hang up/);
    await sleep(500);
    await outage.end();
    await sent;
    expect((await emulator.receiveAll(queueUrl)).map(({ Body }) => Body)).toEqual(['patience']);
  });

  it('may go down again and again', async () => {
    for (let round = 0; round < 5; round += 1) {
      const outage = emulator.outage();
      expect(() => emulator.outage()).toThrow('already');
      await Promise.all([outage.end(), outage.end()]);
      // a new client: the old one may not have noticed yet that its connections are broken
      await send(`round ${round}`, emulator.sqsClient());
    }
    expect(await emulator.messages(queueUrl)).toMatchObject({ visible: 5 });
  });

  it('stays down when it was stopped meanwhile', async () => {
    const outage = emulator.outage();
    await emulator.stop();
    await outage.end();
    await expect(fetch(emulator.endpoint)).rejects.toThrow('fetch failed');
    expect(() => emulator.outage()).toThrow('stopped');
  });

  it('stops at once under open long polls, and only once', async () => {
    const foreign = new SQSClient({ ...emulator.clientConfig, maxAttempts: 1 });
    const polling = foreign.send(new ReceiveMessageCommand({ QueueUrl: queueUrl, WaitTimeSeconds: 20 }));
    const broken = rejectionOf(polling);
    await until(() => emulator.calls.of('ReceiveMessage') === 1);
    const start = performance.now();
    await Promise.all([emulator.stop(), emulator.stop()]);
    expect(performance.now() - start).toBeLessThan(2000);
    expect(String(await broken)).toContain('socket hang up');
    foreign.destroy();
  });

  it('rejects when its port is taken', async () => {
    await expect(startAwsEmulator({ port: emulator.port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it('starts on the port it is given', async () => {
    const { port } = emulator;
    await emulator.stop();
    const second = await startAwsEmulator({ port });
    expect(second.port).toBe(port);
    await second.stop();
  });

  it('does not deliver the deletion it could not hear', async () => {
    await send('hello');
    const { Messages = [] } = await poll();
    const outage = emulator.outage();
    const ReceiptHandle = Messages[0]?.ReceiptHandle;
    const deletion = sqs.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle }));
    await expect(deletion).rejects.toThrow(/ECONNREFUSED|socket hang up/);
    await outage.end();
    expect(await emulator.messages(queueUrl)).toMatchObject({ inFlight: 1 });
  });
});
