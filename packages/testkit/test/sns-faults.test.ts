import {
  CreateTopicCommand,
  PublishBatchCommand,
  PublishCommand,
  SNSClient,
  SubscribeCommand,
} from '@aws-sdk/client-sns';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startAwsEmulator } from '../src/aws-emulator.js';
import { injectSnsFaults } from '../src/sns-faults.js';
import type { AwsEmulator } from '../src/aws-emulator.js';
import type { SnsFaults } from '../src/sns-faults.js';

describe('injectSnsFaults', () => {
  let emulator: AwsEmulator;
  let sns: SNSClient;
  let faults: SnsFaults;
  let TopicArn: string;
  let queueUrl: string;
  let topics = 0;
  beforeAll(async () => {
    emulator = await startAwsEmulator();
    sns = new SNSClient(emulator.clientConfig);
    faults = injectSnsFaults(sns);
  });
  afterAll(async () => {
    sns.destroy();
    await emulator.stop();
  });
  beforeEach(async () => {
    topics += 1;
    const queue = await emulator.createQueue(`heard-${topics}`);
    queueUrl = queue.queueUrl;
    TopicArn = (await sns.send(new CreateTopicCommand({ Name: `said-${topics}` }))).TopicArn ?? '';
    const Attributes = { RawMessageDelivery: 'true' };
    await sns.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint: queue.queueArn, Attributes }));
    faults.clear();
    faults.injected.reset();
  });

  const publish = (Message: string) => sns.send(new PublishCommand({ TopicArn, Message }));
  const publishBatch = (...bodies: string[]) => {
    const PublishBatchRequestEntries = bodies.map((Message) => ({ Id: Message, Message }));
    return sns.send(new PublishBatchCommand({ TopicArn, PublishBatchRequestEntries }));
  };
  const heard = async () => (await emulator.receiveAll(queueUrl)).map(({ Body = '' }) => Body).toSorted();

  it('changes nothing by itself', async () => {
    await publish('a');
    expect(await publishBatch('b', 'c')).toMatchObject({ Successful: [{ Id: 'b' }, { Id: 'c' }] });
    expect(await heard()).toEqual(['a', 'b', 'c']);
    expect(faults.injected.total).toBe(0);
  });

  it('fails publishes before they reach the topic', async () => {
    faults.failPublishes(2);
    await expect(publish('a')).rejects.toMatchObject({ code: 'ECONNRESET' });
    await expect(publishBatch('b')).rejects.toMatchObject({ code: 'ECONNRESET' });
    await publish('c');
    expect(await heard()).toEqual(['c']);
    expect(faults.injected.all()).toEqual({ failPublishes: 2 });
  });

  it('refuses so many entries of a batch, all of it too, and takes the others', async () => {
    faults.failPublishEntries(3);
    expect(await publishBatch('a', 'b')).toMatchObject({ Failed: [{ Id: 'a', SenderFault: false }, { Id: 'b' }] });
    expect(await publishBatch('c', 'd')).toMatchObject({ Failed: [{ Id: 'c' }], Successful: [{ Id: 'd' }] });
    expect(await heard()).toEqual(['d']);
    expect(faults.injected.all()).toEqual({ failPublishEntries: 3 });
  });

  it('loses answers to what the topic has taken', async () => {
    faults.losePublishResponses(1);
    await expect(publish('a')).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    expect(await heard()).toEqual(['a']);
  });

  it('publishes twice', async () => {
    faults.duplicatePublishes(1);
    await publishBatch('a', 'b');
    await publish('c');
    expect(await heard()).toEqual(['a', 'a', 'b', 'b', 'c']);
  });
});
