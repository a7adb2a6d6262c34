import { afterEach, beforeEach, expect } from '@jest/globals';
import {
  GetSubscriptionAttributesCommand,
  ListSubscriptionsCommand,
  ListTopicsCommand,
  PublishCommand,
  SNSClient,
} from '@aws-sdk/client-sns';
import { GetQueueAttributesCommand, ListQueuesCommand } from '@aws-sdk/client-sqs';
import { startAwsEmulator } from '@asyncmcp/testkit';
import type { Message, SQSClient } from '@aws-sdk/client-sqs';
import type { AwsEmulator } from '@asyncmcp/testkit';

/** The emulator, with short-hands for what tests do with topics and queues. */
export interface Topology {
  readonly aws: AwsEmulator;
  /** The clients under test: for middleware too. */
  readonly sns: SNSClient;
  readonly sqs: SQSClient;
  snsClient(): SNSClient;
  readonly publish: (
    topicArn: string,
    body: string,
    attributes?: Record<string, string>,
    rest?: PublishExtras,
  ) => Promise<void>;
  /** Takes what is there for good. */
  receive(queueUrl: string | undefined): Promise<Message[]>;
  /** Names of queues and topics, topic names of subscriptions. */
  inventory(): Promise<{ queues: string[]; topics: string[]; subscriptions: string[] }>;
  queueAttributes(queueUrl: string | undefined): Promise<Partial<Record<string, string>>>;
  subscriptionAttributes(subscriptionArn: string | undefined): Promise<Record<string, string>>;
}

type PublishExtras = { MessageGroupId?: string; MessageDeduplicationId?: string };

/** Sets an emulator up before each test of the calling file, and takes it down after it. */
export function useTopology(): () => Topology {
  let topology: Topology | undefined;
  let clients: SNSClient[] = [];

  beforeEach(async () => {
    const aws = await startAwsEmulator();
    topology = createTopology(aws, () => {
      const client = new SNSClient(aws.clientConfig);
      clients.push(client);
      return client;
    });
  });

  afterEach(async () => {
    for (const client of clients) client.destroy();
    clients = [];
    await topology?.aws.stop();
    topology = undefined;
  });

  return () => {
    if (topology === undefined) throw new Error('no test is running');
    return topology;
  };
}

function createTopology(aws: AwsEmulator, snsClient: () => SNSClient): Topology {
  // Not those under test, whose calls may be made to fail.
  const sqs = aws.sqsClient();
  const sns = snsClient();
  return {
    aws,
    sns: snsClient(),
    sqs: aws.sqsClient(),
    snsClient,
    async publish(TopicArn, body, attributes = {}, rest = {}) {
      const MessageAttributes = Object.fromEntries(
        Object.entries(attributes).map(([name, StringValue]) => [name, { DataType: 'String', StringValue }]),
      );
      await sns.send(new PublishCommand({ TopicArn, Message: body, MessageAttributes, ...rest }));
    },
    receive: (queueUrl = '') => aws.receiveAll(queueUrl),
    async inventory() {
      const { QueueUrls = [] } = await sqs.send(new ListQueuesCommand({}));
      const { Topics = [] } = await sns.send(new ListTopicsCommand({}));
      const { Subscriptions = [] } = await sns.send(new ListSubscriptionsCommand({}));
      return {
        queues: QueueUrls.map((url) => lastPart(url, '/')).sort(),
        topics: Topics.map(({ TopicArn = '' }) => lastPart(TopicArn, ':')).sort(),
        subscriptions: Subscriptions.map(({ TopicArn = '' }) => lastPart(TopicArn, ':')).sort(),
      };
    },
    async queueAttributes(QueueUrl) {
      const { Attributes = {} } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }));
      return Attributes;
    },
    async subscriptionAttributes(SubscriptionArn) {
      const { Attributes = {} } = await sns.send(new GetSubscriptionAttributesCommand({ SubscriptionArn }));
      return Attributes;
    },
  };
}

/** What an account has in which nothing was made. */
export const NOTHING = { queues: [], topics: [], subscriptions: [] };

/** ARNs as the emulator makes them. */
export const queueArn = (name: string): string => `arn:aws:sqs:us-east-1:000000000000:${name}`;
export const topicArn = (name: string): string => `arn:aws:sns:us-east-1:000000000000:${name}`;

/** The statement by which one topic may send to one queue. */
export function statementOf(topic: string, queue: string): object {
  return {
    Sid: expect.stringMatching(/^AsyncMcp[0-9a-f]{24}$/),
    Effect: 'Allow',
    Principal: { Service: 'sns.amazonaws.com' },
    Action: 'sqs:SendMessage',
    Resource: queueArn(queue),
    Condition: { ArnEquals: { 'aws:SourceArn': topicArn(topic) } },
  };
}

/** What a client is about to call: the command's name and its input. */
export interface Call {
  readonly command: string;
  readonly input: object;
}

type Handler = (call: Call, next: () => Promise<unknown>) => Promise<unknown>;

/** Puts `handler` in front of every call of the clients; `next` makes the real call. The last handler counts. */
export function intercept(clients: { sns: SNSClient; sqs: SQSClient }, handler: Handler): void {
  const name = 'testIntercept';
  const where = { step: 'initialize', priority: 'high', name, override: true } as const;
  clients.sns.middlewareStack.add(
    (next, context) => async (args) => {
      const call = { command: commandOf(context), input: args.input };
      return { output: await handler(call, async () => (await next(args)).output), response: {} } as never;
    },
    where,
  );
  clients.sqs.middlewareStack.add(
    (next, context) => async (args) => {
      const call = { command: commandOf(context), input: args.input };
      return { output: await handler(call, async () => (await next(args)).output), response: {} } as never;
    },
    where,
  );
}

/** Notes the calls that the clients make from now on. */
export function recordCalls(clients: { sns: SNSClient; sqs: SQSClient }): Call[] {
  const calls: Call[] = [];
  intercept(clients, (call, next) => {
    calls.push(call);
    return next();
  });
  return calls;
}

/** What AWS answers those who lack a permission. */
export function accessDenied(): Error {
  return Object.assign(new Error('no'), { name: 'AuthorizationErrorException', $fault: 'client' });
}

function commandOf(context: { commandName?: string }): string {
  return String(context.commandName).replace(/Command$/, '');
}

function lastPart(text: string, separator: string): string {
  return text.slice(text.lastIndexOf(separator) + 1);
}
