import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startAwsEmulator } from '@asyncmcp/testkit';
import { ListSubscriptionsCommand, ListTopicsCommand, SNSClient } from '@aws-sdk/client-sns';
import { ListQueuesCommand } from '@aws-sdk/client-sqs';
import { PROVISION, run } from './support.js';
import type { AwsEmulator } from '@asyncmcp/testkit';

describe('provisioning', () => {
  let emulator: AwsEmulator;
  let sns: SNSClient;

  /** What servers and clients are told, of this emulator. */
  function told(transport: string): Record<string, string> {
    const { endpoint, region, clientConfig } = emulator;
    return {
      AWS_ENDPOINT_URL: endpoint,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: clientConfig.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: clientConfig.credentials.secretAccessKey,
      ASYNCMCP_TRANSPORT: transport,
      ASYNCMCP_REQUEST_QUEUE_URL: `${endpoint}/000000000000/${transport}-requests`,
      ...(transport === 'sns-sqs' && {
        ASYNCMCP_REQUEST_TOPIC_ARN: `arn:aws:sns:${region}:000000000000:requests`,
        ASYNCMCP_RESPONSE_TOPIC_ARN: `arn:aws:sns:${region}:000000000000:responses`,
      }),
    };
  }

  async function queueNames(prefix: string): Promise<string[]> {
    const { QueueUrls = [] } = await emulator.sqsClient().send(new ListQueuesCommand({ QueueNamePrefix: prefix }));
    return QueueUrls.map((url) => url.split('/').at(-1) ?? '').toSorted((one, other) => one.localeCompare(other));
  }

  beforeAll(async () => {
    emulator = await startAwsEmulator();
    sns = new SNSClient(emulator.clientConfig);
  });

  afterAll(async () => {
    sns.destroy();
    await emulator.stop();
  });

  it('makes the queue that sqs needs, with one for dead letters; and again, which changes nothing', async () => {
    const environment = told('sqs');
    for (const _time of ['first', 'second']) {
      expect(await run(PROVISION, [], environment)).toEqual({
        code: 0,
        output: `ASYNCMCP_REQUEST_QUEUE_URL=${emulator.endpoint}/000000000000/sqs-requests`,
      });
      expect(await queueNames('sqs-requests')).toEqual(['sqs-requests', 'sqs-requests-dlq']);
    }
  });

  it('makes the topics and the queue that sns-sqs needs; and again, which changes nothing', async () => {
    const environment = told('sns-sqs');
    for (const _time of ['first', 'second']) {
      const { code, output } = await run(PROVISION, [], environment);
      expect(output.split('\n')).toEqual(
        Object.entries(environment)
          .filter(([variable]) => /_(?:URL|ARN)$/.test(variable) && variable.startsWith('ASYNCMCP_'))
          .map(([variable, address]) => `${variable}=${address}`),
      );
      expect(code).toBe(0);
      expect(await queueNames('sns-sqs-requests')).toEqual(['sns-sqs-requests', 'sns-sqs-requests-dlq']);
      const { Topics = [] } = await sns.send(new ListTopicsCommand({}));
      expect(Topics.length).toBe(2);
      const { Subscriptions = [] } = await sns.send(new ListSubscriptionsCommand({}));
      expect(Subscriptions.map(({ TopicArn }) => TopicArn)).toEqual([environment['ASYNCMCP_REQUEST_TOPIC_ARN']]);
    }
  });

  it('fails when servers and clients are told other addresses', async () => {
    const elsewhere = 'http://localstack:4566/000000000000/sqs-requests';
    const { code, output } = await run(PROVISION, [], { ...told('sqs'), ASYNCMCP_REQUEST_QUEUE_URL: elsewhere });
    expect(output).toContain(`ASYNCMCP_REQUEST_QUEUE_URL is ${elsewhere}, and was made as ${emulator.endpoint}/`);
    expect(code).toBe(1);
  });

  it.each([
    [{ ASYNCMCP_TRANSPORT: 'webhook' }, 'ASYNCMCP_TRANSPORT has to be sqs or sns-sqs, and is "webhook".'],
    [{ ASYNCMCP_REQUEST_QUEUE_URL: '' }, 'ASYNCMCP_REQUEST_QUEUE_URL has to be an address, and is not set.'],
    [{ AWS_ENDPOINT_URL: 'http://127.0.0.1:1' }, 'ERR_UNAVAILABLE: '],
  ])('fails, and says why, with %j', async (wrong: Record<string, string>, reason) => {
    const { code, output } = await run(PROVISION, [], { ...told('sqs'), ...wrong });
    expect(output).toContain(reason);
    expect(code).toBe(1);
  });
});
