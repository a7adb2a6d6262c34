import { describe, expect, it } from '@jest/globals';
import { CreateTopicCommand, ListTagsForResourceCommand, SNSClient } from '@aws-sdk/client-sns';
import { rejectionOf } from '@asyncmcp/testkit';
import { provisionSnsSqs } from '../src/index.js';
import {
  NOTHING,
  accessDenied,
  intercept,
  queueArn,
  recordCalls,
  statementOf,
  topicArn,
  useTopology,
} from './topology.js';
import type { SnsSqsProvisionOptions, SnsSqsTopology } from '../src/index.js';

const topology = useTopology();

const NAMES = { requestTopicName: 'requests', requestQueueName: 'requests', responseTopicName: 'replies' };
const ALICE = { responseQueueName: 'alice', clientId: 'client-a' };
const SERVER_ONLY = {
  queues: ['requests', 'requests-dlq'],
  topics: ['replies', 'requests'],
  subscriptions: ['requests'],
};

function provision(options: Partial<SnsSqsProvisionOptions> = {}): Promise<SnsSqsTopology> {
  const { sns, sqs } = topology();
  return provisionSnsSqs({ sns, sqs, ...NAMES, ...options });
}

async function policyOf(queueUrl: string | undefined): Promise<unknown> {
  const { Policy = '' } = await topology().queueAttributes(queueUrl);
  return Policy === '' ? undefined : JSON.parse(Policy);
}

async function bodies(queueUrl: string | undefined): Promise<string[]> {
  const messages = await topology().receive(queueUrl);
  return messages.map(({ Body = '' }) => Body).toSorted((a, b) => a.localeCompare(b));
}

function withoutTeardown({ teardown: _, ...resources }: SnsSqsTopology): object {
  return resources;
}

describe('provisionSnsSqs', () => {
  it('makes what is not there', async () => {
    const made = await provision({ ...ALICE, tags: { team: 'x' } });
    expect(made).toMatchObject({
      requestTopicArn: topicArn('requests'),
      requestQueueArn: queueArn('requests'),
      requestSubscriptionArn: expect.stringContaining(`${topicArn('requests')}:`),
      responseTopicArn: topicArn('replies'),
      responseQueueArn: queueArn('alice'),
      responseSubscriptionArn: expect.stringContaining(`${topicArn('replies')}:`),
      deadLetterQueueArn: queueArn('requests-dlq'),
    });
    expect(await topology().inventory()).toEqual({
      queues: ['alice', 'requests', 'requests-dlq'],
      topics: ['replies', 'requests'],
      subscriptions: ['replies', 'requests'],
    });
    const { RedrivePolicy = '' } = await topology().queueAttributes(made.requestQueueUrl);
    expect(JSON.parse(RedrivePolicy)).toEqual({ deadLetterTargetArn: queueArn('requests-dlq'), maxReceiveCount: 30 });
    const tags = new ListTagsForResourceCommand({ ResourceArn: made.requestTopicArn });
    expect((await topology().sns.send(tags)).Tags).toEqual([{ Key: 'team', Value: 'x' }]);
  });

  it('lets each topic send to its own queue, and both to the dead-letter queue', async () => {
    const made = await provision(ALICE);
    const only = (topic: string, queue: string) => ({ Version: '2012-10-17', Statement: [statementOf(topic, queue)] });
    expect(await policyOf(made.requestQueueUrl)).toEqual(only('requests', 'requests'));
    expect(await policyOf(made.responseQueueUrl)).toEqual(only('replies', 'alice'));
    expect(await policyOf(made.deadLetterQueueUrl)).toMatchObject({
      Statement: [statementOf('requests', 'requests-dlq'), statementOf('replies', 'requests-dlq')],
    });
  });

  it('connects them: requests and replies arrive where they should', async () => {
    const alice = await provision(ALICE);
    const bob = await provision({ responseQueueName: 'bob', clientId: 'client-b' });
    const { publish } = topology();
    await publish(alice.requestTopicArn, 'call', { ClientId: 'client-a' });
    await publish(alice.responseTopicArn, 'for a', { ClientId: 'client-a' });
    await publish(alice.responseTopicArn, 'for b', { ClientId: 'client-b' });
    await publish(alice.responseTopicArn, 'for all', { MessageType: 'jsonrpc' });
    expect(await bodies(alice.requestQueueUrl)).toEqual(['call']);
    expect(await bodies(alice.responseQueueUrl)).toEqual(['for a', 'for all']);
    expect(await bodies(bob.responseQueueUrl)).toEqual(['for all', 'for b']);
  });

  it('wraps messages where that is wanted', async () => {
    const { requestTopicArn, requestQueueUrl } = await provision({ rawMessageDelivery: false });
    await topology().publish(requestTopicArn, 'call');
    const [body = ''] = await bodies(requestQueueUrl);
    expect(JSON.parse(body)).toMatchObject({ Type: 'Notification', Message: 'call' });
  });

  it('gives subscriptions the dead-letter queue, unless there is none', async () => {
    const made = await provision(ALICE);
    for (const arn of [made.requestSubscriptionArn, made.responseSubscriptionArn]) {
      const { RedrivePolicy = '' } = await topology().subscriptionAttributes(arn);
      expect(JSON.parse(RedrivePolicy)).toEqual({ deadLetterTargetArn: queueArn('requests-dlq') });
    }
    await made.teardown();
    const without = await provision({ deadLetterQueueName: false });
    expect(await topology().subscriptionAttributes(without.requestSubscriptionArn)).not.toHaveProperty('RedrivePolicy');
    expect((await topology().inventory()).queues).toEqual(['requests']);
  });

  it('finds what it made, and changes nothing', async () => {
    const first = await provision({ ...ALICE, tags: { team: 'x' } });
    const calls = recordCalls(topology());
    const second = await provision({ ...ALICE, tags: { team: 'y' }, maxReceiveCount: 7 });
    expect(withoutTeardown(second)).toEqual(withoutTeardown(first));
    expect(calls.filter(({ command }) => !/^(Get|List)/.test(command))).toEqual([]);
  });

  it('leaves what it finds as it is, and takes back what it adds', async () => {
    const { aws, sns } = topology();
    await sns.send(new CreateTopicCommand({ Name: 'replies', Attributes: { DisplayName: 'ours' } }));
    const foreign = { Sid: 'mine', Effect: 'Allow', Principal: '*', Action: 'sqs:SendMessage', Resource: '*' };
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [foreign] });
    const { queueUrl } = await aws.createQueue('alice', { Policy, VisibilityTimeout: '77' });
    const made = await provision(ALICE);
    expect(made.responseQueueUrl).toBe(queueUrl);
    expect(await topology().queueAttributes(queueUrl)).toMatchObject({ VisibilityTimeout: '77' });
    expect(await policyOf(queueUrl)).toMatchObject({ Statement: [foreign, statementOf('replies', 'alice')] });
    await made.teardown();
    expect(await topology().inventory()).toEqual({ queues: ['alice'], topics: ['replies'], subscriptions: [] });
    expect(await policyOf(queueUrl)).toEqual({ Version: '2012-10-17', Statement: [foreign] });
  });

  it('comes to the same when several do it at once', async () => {
    const all = await Promise.all(
      [1, 2, 3].map(() => provision({ ...ALICE, sns: topology().snsClient(), sqs: topology().aws.sqsClient() })),
    );
    const [first, ...others] = all.map(withoutTeardown);
    expect(others).toEqual([first, first]);
    expect((await topology().inventory()).subscriptions).toEqual(['replies', 'requests']);
    await Promise.all(all.map(({ teardown }) => teardown()));
    expect(await topology().inventory()).toEqual(NOTHING);
  });

  it('comes to the same when several clients are added at once', async () => {
    const server = await provision();
    const clients = await Promise.all(
      ['a', 'b', 'c'].map((clientId) => provision({ responseQueueName: `replies-${clientId}`, clientId })),
    );
    await topology().publish(server.responseTopicArn, 'for b', { ClientId: 'b' });
    const received = await Promise.all(clients.map(({ responseQueueUrl }) => bodies(responseQueueUrl)));
    expect(received).toEqual([[], ['for b'], []]);
    await Promise.all(clients.map(({ teardown }) => teardown()));
    expect(await topology().inventory()).toEqual(SERVER_ONLY);
    expect(await policyOf(server.deadLetterQueueUrl)).toMatchObject({
      Statement: [expect.anything(), expect.anything()],
    });
  });

  it('takes a topic that somebody else made meanwhile, otherwise, as it is', async () => {
    const other = topology().snsClient();
    intercept(topology(), async ({ command, input }, next) => {
      if (command === 'CreateTopic' && 'Name' in input && input.Name === 'requests') {
        await other.send(new CreateTopicCommand({ Name: 'requests', Tags: [{ Key: 'theirs', Value: 'x' }] }));
      }
      return next();
    });
    const { teardown } = await provision({ tags: { ours: 'x' } });
    await teardown();
    expect(await topology().inventory()).toEqual({ ...NOTHING, topics: ['requests'] });
  });

  it('makes FIFO topics and queues', async () => {
    const made = await provision({ ...ALICE, fifo: true });
    expect(await topology().inventory()).toEqual({
      queues: ['alice.fifo', 'requests-dlq.fifo', 'requests.fifo'],
      topics: ['replies.fifo', 'requests.fifo'],
      subscriptions: ['replies.fifo', 'requests.fifo'],
    });
    const { publish } = topology();
    const ids = { MessageGroupId: 's', MessageDeduplicationId: 'd' };
    await publish(made.requestTopicArn, 'once', {}, ids);
    await publish(made.requestTopicArn, 'once', {}, ids);
    expect(await topology().receive(made.requestQueueUrl)).toMatchObject([
      { Body: 'once', Attributes: { MessageGroupId: 's' } },
    ]);
    expect(withoutTeardown(await provision({ ...ALICE, fifo: true }))).toEqual(withoutTeardown(made));
    await made.teardown();
    expect(await topology().inventory()).toEqual(NOTHING);
  });
});

describe('a provisioning that fails', () => {
  it.each([
    ['CreateTopic', 'replies'],
    ['Subscribe', topicArn('requests')],
    ['Subscribe', topicArn('replies')],
  ])('removes what it made: %s of %s', async (where, what) => {
    const { queueUrl } = await topology().aws.createQueue('alice');
    intercept(topology(), ({ command, input }, next) => {
      const fails = command === where && Object.values(input).includes(what);
      return fails ? Promise.reject(accessDenied()) : next();
    });
    expect(await rejectionOf(provision(ALICE))).toMatchObject({ code: 'ERR_ACCESS_DENIED' });
    expect(await topology().inventory()).toEqual({ ...NOTHING, queues: ['alice'] });
    expect(await policyOf(queueUrl)).toBeUndefined();
  });

  it('leaves nothing behind when it is aborted, wherever it is', async () => {
    const calls = recordCalls(topology());
    const { teardown } = await provision(ALICE);
    const steps = calls.length;
    await teardown();
    let aborted = 0;
    for (let step = 0; step < steps; step++) {
      const controller = new AbortController();
      const reason = new Error('enough');
      let seen = 0;
      intercept(topology(), (_call, next) => {
        if (seen++ === step) controller.abort(reason);
        return next();
      });
      const outcome = await provision({ ...ALICE, signal: controller.signal }).then(
        (made) => made.teardown(),
        (error: unknown) => error,
      );
      expect([reason, undefined]).toContain(outcome);
      if (outcome === reason) aborted++;
      expect(await topology().inventory()).toEqual(NOTHING);
    }
    expect(aborted).toBeGreaterThanOrEqual(steps - 1);
  });

  it('refuses clients of two regions before it makes anything', async () => {
    const elsewhere = new SNSClient({ ...topology().aws.clientConfig, region: 'eu-west-1' });
    const error = await rejectionOf(provision({ sns: elsewhere }));
    elsewhere.destroy();
    expect(error).toMatchObject({ code: 'ERR_INVALID_OPTION', message: expect.stringContaining('eu-west-1') });
    expect(await topology().inventory()).toEqual(NOTHING);
  });

  it('says so when the two clients are of two accounts', async () => {
    intercept(topology(), ({ command }, next) =>
      command === 'CreateTopic' ? Promise.resolve({ TopicArn: 'arn:aws:sns:us-east-1:999999999999:requests' }) : next(),
    );
    expect(await rejectionOf(provision())).toMatchObject({
      code: 'ERR_INVALID_OPTION',
      message: expect.stringContaining('arn:aws:sns:us-east-1:999999999999:requests'),
    });
    expect(await topology().inventory()).toEqual(NOTHING);
  });
});

describe('teardown', () => {
  it('removes what the call made, subscriptions first, once and again', async () => {
    const { teardown } = await provision(ALICE);
    const calls = recordCalls(topology());
    await teardown();
    expect(await topology().inventory()).toEqual(NOTHING);
    const removed = calls.map(({ command }) => command).filter((command) => /^(Delete|Unsubscribe)/.test(command));
    expect(removed).toEqual([
      'Unsubscribe',
      'Unsubscribe',
      'DeleteTopic',
      'DeleteTopic',
      'DeleteQueue',
      'DeleteQueue',
      'DeleteQueue',
    ]);
    calls.length = 0;
    await teardown();
    expect(calls).toEqual([]);
  });

  it('leaves what the call found, unless told otherwise', async () => {
    const server = await provision();
    const client = await provision(ALICE);
    await client.teardown();
    expect(await topology().inventory()).toEqual(SERVER_ONLY);
    await client.teardown({ found: true });
    expect(await topology().inventory()).toEqual(NOTHING);
    await server.teardown();
  });

  it('tries everything, tells all that failed, and may be called again', async () => {
    const { teardown } = await provision(ALICE);
    intercept(topology(), ({ command }, next) =>
      command === 'Unsubscribe' || command === 'DeleteQueue' ? Promise.reject(accessDenied()) : next(),
    );
    expect(await rejectionOf(teardown())).toMatchObject({
      code: 'ERR_ACCESS_DENIED',
      details: {
        left: [
          expect.stringMatching(/^subscription .*replies/),
          expect.stringMatching(/^subscription .*requests/),
          expect.stringMatching(/^queue .*alice$/),
          expect.stringMatching(/^queue .*requests-dlq$/),
          expect.stringMatching(/^queue .*requests$/),
        ],
      },
    });
    expect((await topology().inventory()).topics).toEqual([]);
    intercept(topology(), (_call, next) => next());
    await teardown();
    expect(await topology().inventory()).toEqual(NOTHING);
  });
});

describe('a wrong option of provisionSnsSqs is refused by name, before anything is made', () => {
  it.each([
    ['sns', {}],
    ['sqs', undefined],
    ['requestTopicName', undefined],
    ['requestTopicName', 'a.b'],
    ['requestTopicName', 'x'.repeat(257)],
    ['responseTopicName', 'requests'],
    ['responseTopicName', 'replies.fifo'],
    ['requestQueueName', 7],
    ['responseQueueName', 'requests'],
    ['clientId', 'with space'],
    ['clientId', ''],
    ['rawMessageDelivery', 'yes'],
    ['maxReceiveCount', 1.5],
    ['topicName', 'x'],
  ])('%s = %p', async (option, value) => {
    const options = { responseQueueName: 'alice', [option]: value } as Partial<SnsSqsProvisionOptions>;
    expect(await rejectionOf(provision(options))).toMatchObject({
      code: 'ERR_INVALID_OPTION',
      message: expect.stringContaining(`"${option}"`),
    });
    expect(await topology().inventory()).toEqual(NOTHING);
  });

  it('wants to know whose client id it is', async () => {
    expect(await rejectionOf(provision({ clientId: 'a' }))).toMatchObject({ code: 'ERR_INVALID_OPTION' });
  });
});
