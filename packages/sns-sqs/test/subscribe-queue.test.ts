import { beforeEach, describe, expect, it } from '@jest/globals';
import { CreateTopicCommand, SubscribeCommand } from '@aws-sdk/client-sns';
import { DeleteQueueCommand, SetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { rejectionOf } from '@asyncmcp/testkit';
import { subscribeQueue } from '../src/subscribe-queue.js';
import { unsubscribe } from '../src/subscription.js';
import { accessDenied, intercept, queueArn, recordCalls, statementOf, topicArn, useTopology } from './topology.js';
import type { QueueSubscription, SubscribeQueueOptions } from '../src/subscribe-queue.js';

const topology = useTopology();
const replies = topicArn('replies');

beforeEach(async () => {
  await topology().sns.send(new CreateTopicCommand({ Name: 'replies' }));
});

async function subscribe(
  name: string,
  options: Partial<SubscribeQueueOptions> = {},
): Promise<QueueSubscription & { queueUrl: string }> {
  const { aws, sns, sqs } = topology();
  const { queueUrl } = await aws.createQueue(name);
  return { ...(await subscribeQueue({ sns, sqs, topicArn: replies, queueUrl, ...options })), queueUrl };
}

async function bodies(queueUrl: string): Promise<string[]> {
  const messages = await topology().receive(queueUrl);
  return messages.map(({ Body = '' }) => Body).toSorted((a, b) => a.localeCompare(b));
}

async function policyOf(queueUrl: string): Promise<unknown> {
  const { Policy = '' } = await topology().queueAttributes(queueUrl);
  return Policy === '' ? undefined : JSON.parse(Policy);
}

describe('subscribeQueue', () => {
  it('brings what is published, as it was published', async () => {
    const { queueUrl, queueArn: arn, created } = await subscribe('alice');
    expect({ arn, created }).toEqual({ arn: queueArn('alice'), created: true });
    await topology().publish(replies, '{"jsonrpc":"2.0"}', { SessionId: 's' });
    expect(await topology().receive(queueUrl)).toMatchObject([
      { Body: '{"jsonrpc":"2.0"}', MessageAttributes: { SessionId: { StringValue: 's' } } },
    ]);
  });

  it('brings it wrapped in a notification where that is wanted', async () => {
    const { queueUrl } = await subscribe('alice', { rawMessageDelivery: false });
    await topology().publish(replies, 'hello', { SessionId: 's' });
    const [message] = await topology().receive(queueUrl);
    expect(JSON.parse(message?.Body ?? '')).toMatchObject({
      Type: 'Notification',
      TopicArn: replies,
      Message: 'hello',
      MessageAttributes: { SessionId: { Type: 'String', Value: 's' } },
    });
  });

  it('brings each client what is for it, and what is for all', async () => {
    const alice = await subscribe('alice', { clientId: 'client-a' });
    const bob = await subscribe('bob', { clientId: 'client-b' });
    const everybody = await subscribe('everybody');
    const { publish } = topology();
    await publish(replies, 'for a', { ClientId: 'client-a', MessageType: 'jsonrpc' });
    await publish(replies, 'for b', { ClientId: 'client-b', MessageType: 'jsonrpc' });
    await publish(replies, 'for c', { ClientId: 'client-c', MessageType: 'jsonrpc' });
    await publish(replies, 'for all', { MessageType: 'jsonrpc' });
    expect(await bodies(alice.queueUrl)).toEqual(['for a', 'for all']);
    expect(await bodies(bob.queueUrl)).toEqual(['for all', 'for b']);
    expect(await bodies(everybody.queueUrl)).toEqual(['for a', 'for all', 'for b', 'for c']);
  });

  it('has all its attributes from the first moment', async () => {
    const { queueUrl: deadLetterQueueUrl } = await topology().aws.createQueue('dead');
    const calls = recordCalls(topology());
    const { subscriptionArn } = await subscribe('alice', { clientId: 'client-a', deadLetterQueueUrl });
    expect(calls.map(({ command }) => command)).not.toContain('SetSubscriptionAttributes');
    const attributes = await topology().subscriptionAttributes(subscriptionArn);
    expect(attributes).toMatchObject({ RawMessageDelivery: 'true', TopicArn: replies, Endpoint: queueArn('alice') });
    expect(JSON.parse(attributes['FilterPolicy'] ?? '')).toEqual({ ClientId: ['client-a', { exists: false }] });
    expect(JSON.parse(attributes['RedrivePolicy'] ?? '')).toEqual({ deadLetterTargetArn: queueArn('dead') });
    expect(await policyOf(deadLetterQueueUrl)).toMatchObject({ Statement: [statementOf('replies', 'dead')] });
  });

  it('allows the topic before it subscribes, and nobody else', async () => {
    const calls = recordCalls(topology());
    const { queueUrl } = await subscribe('alice');
    const changes = calls.map(({ command }) => command).filter((command) => /^(Set|Subscribe)/.test(command));
    expect(changes).toEqual(['SetQueueAttributes', 'Subscribe']);
    expect(await policyOf(queueUrl)).toEqual({ Version: '2012-10-17', Statement: [statementOf('replies', 'alice')] });
  });

  it('finds the subscription there is', async () => {
    const first = await subscribe('alice', { clientId: 'client-a' });
    const calls = recordCalls(topology());
    const second = await subscribe('alice', { clientId: 'client-a' });
    expect(second).toEqual({ ...first, created: false });
    expect(calls.filter(({ command }) => !/^(Get|List)/.test(command))).toEqual([]);
  });

  it('gives a subscription there is the policies it lacks, and keeps all it has', async () => {
    const { queueUrl, subscriptionArn } = await subscribe('alice', { rawMessageDelivery: false });
    const again = await subscribe('alice', { clientId: 'client-a' });
    expect(again).toMatchObject({ subscriptionArn, created: false });
    expect(await topology().subscriptionAttributes(subscriptionArn)).toMatchObject({ RawMessageDelivery: 'false' });
    await topology().publish(replies, 'for b', { ClientId: 'client-b' });
    await topology().publish(replies, 'for a', { ClientId: 'client-a' });
    const [only, ...others] = await bodies(queueUrl);
    expect(others).toEqual([]);
    expect(JSON.parse(only ?? '')).toMatchObject({ Type: 'Notification', Message: 'for a' });
  });

  it('does not take a queue away from the client whose it is', async () => {
    const { subscriptionArn } = await subscribe('alice', { clientId: 'client-a' });
    const before = await topology().subscriptionAttributes(subscriptionArn);
    const error = await rejectionOf(subscribe('alice', { clientId: 'client-b' }));
    expect(error).toMatchObject({ code: 'ERR_INVALID_OPTION' });
    expect(String(error)).toContain('client-a');
    expect(await topology().subscriptionAttributes(subscriptionArn)).toEqual(before);
  });

  it('finds a subscription among many', async () => {
    const { subscriptionArn } = await subscribe('alice');
    const pages = [
      { Subscriptions: [{ Protocol: 'sqs', Endpoint: queueArn('alice'), SubscriptionArn: 'Deleted' }], NextToken: 'x' },
      { Subscriptions: [{ Protocol: 'sqs', Endpoint: queueArn('alice'), SubscriptionArn: subscriptionArn }] },
    ];
    const tokens: unknown[] = [];
    intercept(topology(), ({ command, input }, next) => {
      if (command !== 'ListSubscriptionsByTopic') return next();
      tokens.push('NextToken' in input ? input.NextToken : undefined);
      return Promise.resolve(pages[tokens.length - 1]);
    });
    expect(await subscribe('alice')).toMatchObject({ subscriptionArn, created: false });
    expect(tokens).toEqual([undefined, 'x']);
  });

  it('adopts what somebody else subscribed meanwhile with other attributes', async () => {
    const other = topology().snsClient();
    let subscribed = false;
    intercept(topology(), async ({ command }, next) => {
      if (command === 'Subscribe' && !subscribed) {
        subscribed = true;
        await other.send(new SubscribeCommand({ TopicArn: replies, Protocol: 'sqs', Endpoint: queueArn('alice') }));
      }
      return next();
    });
    const { subscriptionArn, created } = await subscribe('alice', { clientId: 'client-a' });
    expect(created).toBe(false);
    expect((await topology().subscriptionAttributes(subscriptionArn))['FilterPolicy']).toContain('client-a');
  });

  it('looks for nothing on a queue just made, which takes three calls', async () => {
    const calls = recordCalls(topology());
    expect(await subscribe('alice', { fresh: true, clientId: 'a' })).toMatchObject({ created: true });
    expect(calls.map(({ command }) => command)).toEqual(['GetQueueAttributes', 'SetQueueAttributes', 'Subscribe']);
  });

  it('keeps what others have in the policy', async () => {
    const foreign = { Sid: 'mine', Effect: 'Allow', Principal: '*', Action: 'sqs:SendMessage', Resource: '*' };
    const { queueUrl } = await topology().aws.createQueue('alice', {
      Policy: JSON.stringify({ Version: '2012-10-17', Id: 'x', Statement: [foreign] }),
    });
    await subscribe('alice');
    expect(await policyOf(queueUrl)).toEqual({
      Version: '2012-10-17',
      Id: 'x',
      Statement: [foreign, statementOf('replies', 'alice')],
    });
  });

  it('writes the policy again when somebody else has overwritten it', async () => {
    const { aws, sqs } = topology();
    const { queueUrl } = await aws.createQueue('alice');
    const foreign = { Sid: 'theirs', Effect: 'Allow', Principal: '*', Action: 'sqs:SendMessage', Resource: '*' };
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [foreign] });
    let overwritten = 0;
    const other = aws.sqsClient();
    intercept(topology(), async ({ command }, next) => {
      const output = await next();
      if (command === 'SetQueueAttributes' && overwritten++ < 2) {
        await other.send(new SetQueueAttributesCommand({ QueueUrl: queueUrl, Attributes: { Policy } }));
      }
      return output;
    });
    await subscribeQueue({ sns: topology().sns, sqs, topicArn: replies, queueUrl });
    expect(await policyOf(queueUrl)).toMatchObject({ Statement: [foreign, statementOf('replies', 'alice')] });
  });

  it('leaves nothing behind when it fails', async () => {
    intercept(topology(), ({ command }, next) => (command === 'Subscribe' ? Promise.reject(accessDenied()) : next()));
    const { queueUrl: deadLetterQueueUrl } = await topology().aws.createQueue('dead');
    const failure = rejectionOf(subscribe('alice', { deadLetterQueueUrl }));
    expect(await failure).toMatchObject({ code: 'ERR_ACCESS_DENIED' });
    expect((await topology().inventory()).subscriptions).toEqual([]);
    const { queueUrl } = await topology().aws.createQueue('alice');
    expect([await policyOf(queueUrl), await policyOf(deadLetterQueueUrl)]).toEqual([undefined, undefined]);
  });

  it.each(['GetQueueAttributes', 'SetQueueAttributes', 'ListSubscriptionsByTopic', 'Subscribe'])(
    'leaves nothing behind when it is aborted at %s',
    async (where) => {
      const controller = new AbortController();
      const reason = new Error('enough');
      intercept(topology(), ({ command }, next) => {
        if (command === where) controller.abort(reason);
        return next();
      });
      const outcome = await subscribe('alice', { signal: controller.signal }).then(
        ({ subscriptionArn }) => unsubscribe({ sns: topology().sns, subscriptionArn }),
        (error: unknown) => error,
      );
      expect(outcome).toBe(where === 'Subscribe' ? undefined : reason);
      expect((await topology().inventory()).subscriptions).toEqual([]);
    },
  );

  it('says which topic or queue is not there', async () => {
    const { sns, sqs, aws } = topology();
    const gone = rejectionOf(subscribe('alice', { topicArn: topicArn('gone') }));
    expect(await gone).toMatchObject({
      code: 'ERR_DESTINATION_GONE',
      message: expect.stringContaining(topicArn('gone')),
    });
    const { queueUrl } = await aws.createQueue('bob');
    await sqs.send(new DeleteQueueCommand({ QueueUrl: queueUrl }));
    expect(await rejectionOf(subscribeQueue({ sns, sqs, topicArn: replies, queueUrl }))).toMatchObject({
      code: 'ERR_DESTINATION_GONE',
      message: expect.stringContaining(queueUrl),
    });
  });
});

describe('unsubscribe', () => {
  it('ends the subscription, also when it has ended', async () => {
    const { subscriptionArn, queueUrl } = await subscribe('alice');
    const { sns } = topology();
    await unsubscribe({ sns, subscriptionArn });
    await unsubscribe({ sns, subscriptionArn });
    await topology().publish(replies, 'hello');
    expect(await bodies(queueUrl)).toEqual([]);
  });

  it('tells when it could not', async () => {
    const { subscriptionArn } = await subscribe('alice');
    intercept(topology(), () => Promise.reject(accessDenied()));
    const failure = rejectionOf(unsubscribe({ sns: topology().sns, subscriptionArn }));
    expect(await failure).toMatchObject({ code: 'ERR_ACCESS_DENIED' });
  });
});
