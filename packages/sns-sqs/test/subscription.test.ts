import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { isAsyncMcpError } from '@asyncmcp/core';
import { createDeferred, rejectionOf, until } from '@asyncmcp/testkit';
import { ListSubscriptionsCommand, ListTopicsCommand, UnsubscribeCommand } from '@aws-sdk/client-sns';
import { ListQueuesCommand } from '@aws-sdk/client-sqs';
import { accessDenied, intercept, recordCalls, statementOf } from './topology.js';
import { echo, useSystem } from './system.js';
import type { AsyncMcpError } from '@asyncmcp/core';

const system = useSystem();

interface Inventory {
  readonly queues: number;
  readonly topics: number;
  readonly subscriptions: string[];
}

async function inventory(): Promise<Inventory> {
  const sns = system().sns();
  const { QueueUrls = [] } = await system().aws.sqsClient().send(new ListQueuesCommand({}));
  const { Topics = [] } = await sns.send(new ListTopicsCommand({}));
  const { Subscriptions = [] } = await sns.send(new ListSubscriptionsCommand({}));
  return {
    queues: QueueUrls.length,
    topics: Topics.length,
    subscriptions: Subscriptions.map(({ SubscriptionArn = '' }) => SubscriptionArn).sort(),
  };
}

describe('the temporary response queue', () => {
  it('and its subscription are there while the transport is, and gone after it', async () => {
    await system().server();
    const before = await inventory();
    const client = await system().client();
    expect(await echo(client, 'hello')).toBe('hello');
    const during = await inventory();
    expect(during.queues).toBe(before.queues + 1);
    expect(during.subscriptions).toHaveLength(before.subscriptions.length + 1);
    await client.close();
    expect(await inventory()).toEqual(before);
  });

  it('lets its topic send to it from the first moment, and nobody else', async () => {
    const [sns, sqs] = [system().sns(), system().aws.sqsClient()];
    const calls = recordCalls({ sns, sqs });
    await system().transport({ sns, sqs }).start();
    const changes = calls.filter(({ command }) => !/^(Get|List|Receive)/.test(command));
    expect(changes.map(({ command }) => command)).toEqual(['CreateQueue', 'Subscribe']);
    const [{ input } = { input: {} }] = changes;
    const { QueueName, Attributes } = input as { QueueName: string; Attributes: { Policy: string } };
    expect(JSON.parse(Attributes.Policy)).toEqual({
      Version: '2012-10-17',
      Statement: [statementOf('responses', QueueName)],
    });
  });

  it('is left behind by no failure of the start', async () => {
    const before = await inventory();
    let calls = 0;
    for (let failing = 0; failing < 12; failing++) {
      const [sns, sqs] = [system().sns(), system().aws.sqsClient()];
      calls = 0;
      intercept({ sns, sqs }, async ({ command }, next) => {
        // Cleaning up is not what fails here.
        if (!/^(Delete|Unsubscribe)/.test(command) && calls++ === failing) throw accessDenied();
        return next();
      });
      const transport = system().transport({ sns, sqs });
      const code = await transport.start().then(
        () => 'started',
        (error: unknown) => (isAsyncMcpError(error) ? error.code : error),
      );
      expect(['started', 'ERR_ACCESS_DENIED']).toContain(code);
      await transport.close();
      expect(await inventory()).toEqual(before);
    }
    // Each call of the start has failed once.
    expect(calls).toBeLessThan(12);
  });

  it('is left behind by no close during the start', async () => {
    const before = await inventory();
    const transport = system().transport();
    const started = rejectionOf(transport.start());
    await transport.close();
    expect(await started).toMatchObject({ code: 'ERR_CLOSED' });
    expect(await inventory()).toEqual(before);
  });

  it('is left behind by no close while it is being made', async () => {
    const before = await inventory();
    const sqs = system().aws.sqsClient();
    const transport = system().transport({ sqs });
    let closed: Promise<void> | undefined;
    intercept({ sns: system().sns(), sqs }, async ({ command }, next) => {
      const output = await next();
      if (command === 'CreateQueue') {
        // It is there, and nobody has heard of it yet.
        closed = transport.close();
        await turn();
      }
      return output;
    });
    expect(await rejectionOf(transport.start())).toMatchObject({ code: 'ERR_CLOSED' });
    await closed;
    expect(await inventory()).toEqual(before);
  });
});

describe('a subscription that is not there', () => {
  it('fails the start, and says what to do', async () => {
    const { queueUrl } = await system().aws.createQueue('unsubscribed');
    const error = await rejectionOf(system().transport({ responseQueueUrl: queueUrl }).start());
    expect(error).toMatchObject({ code: 'ERR_SUBSCRIPTION_GONE' });
    expect(String(error)).toContain('is not subscribed to topic');
  });

  it.each([
    ['of a temporary queue', async () => ({})],
    ['of a given queue', async () => ({ responseQueueUrl: (await system().responseQueue('given')).responseQueueUrl })],
  ])('any longer, %s, fails pending calls and closes the transport', async (_which, options) => {
    await system().server();
    const before = await inventory();
    const transport = system().transport({ ...(await options()), subscriptionCheckMs: 1000 });
    const client = await system().client(transport);
    const { promise: reported, resolve } = createDeferred<AsyncMcpError>();
    client.onerror = (error) => resolve(error as AsyncMcpError);
    const pending = rejectionOf(client.callTool({ name: 'wait' }));
    const sns = system().sns();
    for (const arn of (await inventory()).subscriptions) {
      if (!before.subscriptions.includes(arn)) await sns.send(new UnsubscribeCommand({ SubscriptionArn: arn }));
    }
    expect(await reported).toMatchObject({ code: 'ERR_SUBSCRIPTION_GONE' });
    expect(String(await pending)).toContain('Connection closed');
    await until(async () => (await rejectionOf(transport.send({ jsonrpc: '2.0', method: 'x' }))) !== undefined);
  });

  it.each(['ExpiredTokenException', 'AuthorizationErrorException', 'ThrottledException'])(
    'is noticed even if a look has failed with %s',
    async (name) => {
      await system().server();
      const before = await inventory();
      const sns = system().sns();
      let looks = 0;
      intercept({ sns, sqs: system().aws.sqsClient() }, async ({ command }, next) => {
        if (command === 'GetSubscriptionAttributes' && looks++ === 0)
          throw Object.assign(new Error('injected'), { name, $fault: 'client' });
        return next();
      });
      const transport = system().transport({ sns, subscriptionCheckMs: 1000 });
      const { promise: reported, resolve } = createDeferred<Error>();
      const client = await system().client(transport);
      client.onerror = resolve;
      for (const arn of (await inventory()).subscriptions) {
        if (!before.subscriptions.includes(arn)) await sns.send(new UnsubscribeCommand({ SubscriptionArn: arn }));
      }
      expect(await reported).toMatchObject({ code: 'ERR_SUBSCRIPTION_GONE' });
      expect(looks).toBe(2);
    },
  );

  it('but another in its place is as good', async () => {
    await system().server();
    const { responseQueueUrl, responseSubscriptionArn } = await system().responseQueue('given');
    const sns = system().sns();
    let looks = 0;
    const looked: string[] = [];
    intercept({ sns, sqs: system().aws.sqsClient() }, async ({ command, input }, next) => {
      if (command === 'GetSubscriptionAttributes') {
        looks++;
        looked.push('SubscriptionArn' in input ? String(input.SubscriptionArn) : '');
      }
      return next();
    });
    const errors: Error[] = [];
    const transport = system().transport({ sns, responseQueueUrl, subscriptionCheckMs: 1000 });
    const client = await system().client(transport);
    client.onerror = (error) => void errors.push(error);
    await system()
      .sns()
      .send(new UnsubscribeCommand({ SubscriptionArn: responseSubscriptionArn }));
    const { responseSubscriptionArn: anew } = await system().responseQueue('given');
    await until(() => looks >= 2);
    expect(looked).toEqual([responseSubscriptionArn, anew]);
    expect(await echo(client, 'still here')).toBe('still here');
    expect(errors).toEqual([]);
  });

  it('goes unnoticed without the permission to look, with a warning', async () => {
    await system().server();
    const sns = system().sns();
    intercept({ sns, sqs: system().aws.sqsClient() }, async ({ command }, next) => {
      if (/Subscription/.test(command) && command !== 'Subscribe') throw accessDenied();
      return next();
    });
    const { responseQueueUrl } = await system().responseQueue('given');
    const warnings: string[] = [];
    const log = (_facts: unknown, text?: string): void => void warnings.push(text ?? '');
    const logger = { debug: () => {}, info: () => {}, warn: log, error: log };
    const client = await system().client(system().transport({ sns, responseQueueUrl, logger }));
    expect(await echo(client, 'hello')).toBe('hello');
    expect(warnings.join()).toContain('not allowed to list subscriptions');
  });
});
