import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { provisionSnsSqs } from '@asyncmcp/sns-sqs';
import { startAwsEmulator } from '@asyncmcp/testkit';
import { SNSClient } from '@aws-sdk/client-sns';
import { describeTopology, namesIn, readTopology } from '../src/topology.js';
import type { SnsSqsTopology } from '@asyncmcp/sns-sqs';
import type { AwsEmulator } from '@asyncmcp/testkit';
import type { Topology } from '../src/topology.js';

describe('topology', () => {
  let emulator: AwsEmulator;
  let sns: SNSClient;

  beforeEach(async () => {
    emulator = await startAwsEmulator();
    sns = new SNSClient(emulator.clientConfig);
  });

  afterEach(async () => {
    sns.destroy();
    await emulator.stop();
  });

  const read = (): Promise<Topology> => readTopology(sns, emulator.sqsClient());

  function provision(options: object): Promise<SnsSqsTopology> {
    const names = { requestTopicName: 'calls', requestQueueName: 'server', responseTopicName: 'replies' };
    return provisionSnsSqs({ sns, sqs: emulator.sqsClient(), ...names, ...options });
  }

  it('is described as AWS has it', async () => {
    const { teardown } = await provision({ responseQueueName: 'alice', clientId: 'a' });
    const lines = describeTopology(await read()).map(([subject, text]) => `${subject.padEnd(10)} ${text}`);
    expect(lines).toEqual([
      'topic      calls',
      '  └ queue  server: raw delivery, every message',
      'topic      replies',
      '  └ queue  alice: raw delivery, what passes the filter policy',
      '           {"ClientId":["a",{"exists":false}]}',
      'may send   topic calls to queue server',
      '           topic calls to queue server-dlq',
      '           topic replies to queue alice',
      '           topic replies to queue server-dlq',
      '           and besides these only the account itself',
      'redrive to server-dlq: what server gave out 30 times',
      '           server-dlq: what SNS cannot deliver',
    ]);
    await teardown();
    expect(namesIn(await read())).toEqual([]);
  });

  it('shows what is different', async () => {
    await provision({ rawMessageDelivery: false, deadLetterQueueName: false });
    const anybody = { Effect: 'Allow', Principal: '*', Action: 'sqs:SendMessage', Resource: '*' };
    await emulator.createQueue('open', { Policy: JSON.stringify({ Version: '2012-10-17', Statement: [anybody] }) });
    const texts = describeTopology(await read()).map(([, text]) => text);
    expect(texts).toContain('server: wrapped in notifications, every message');
    expect(texts).toContain(`${JSON.stringify(anybody)} to queue open`);
    expect(texts.join()).not.toContain('cannot deliver');
    expect(namesIn(await read())).toContain('subscription of server to calls');
  });
});
