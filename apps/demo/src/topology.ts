import { GetSubscriptionAttributesCommand, ListSubscriptionsCommand, ListTopicsCommand } from '@aws-sdk/client-sns';
import { GetQueueAttributesCommand, ListQueuesCommand } from '@aws-sdk/client-sqs';
import type { SNSClient } from '@aws-sdk/client-sns';
import type { SQSClient } from '@aws-sdk/client-sqs';

/** What there is in an account, by name. */
export interface Topology {
  readonly topics: readonly string[];
  readonly subscriptions: readonly SubscriptionFacts[];
  readonly queues: readonly QueueFacts[];
}

export interface SubscriptionFacts {
  readonly topic: string;
  readonly queue: string;
  readonly raw: boolean;
  /** As SNS has it: JSON. */
  readonly filterPolicy: string | undefined;
  /** The queue that takes what cannot be delivered. */
  readonly deadLetterQueue: string | undefined;
}

export interface QueueFacts {
  readonly name: string;
  /** Who may send to it by the queue's policy; the account itself may, without one. */
  readonly senders: readonly string[];
  readonly redrive: { readonly to: string; readonly after: number } | undefined;
}

/** Asks SNS and SQS for all that is there, rather than those who made it. */
export async function readTopology(sns: SNSClient, sqs: SQSClient): Promise<Topology> {
  const { Topics = [] } = await sns.send(new ListTopicsCommand({}));
  const { Subscriptions = [] } = await sns.send(new ListSubscriptionsCommand({}));
  const { QueueUrls = [] } = await sqs.send(new ListQueuesCommand({}));
  return {
    topics: Topics.map(({ TopicArn }) => nameOf(TopicArn)),
    subscriptions: await Promise.all(
      Subscriptions.map(({ SubscriptionArn = '' }) => readSubscription(sns, SubscriptionArn)),
    ),
    queues: await Promise.all(QueueUrls.map((url) => readQueue(sqs, url))),
  };
}

async function readSubscription(sns: SNSClient, SubscriptionArn: string): Promise<SubscriptionFacts> {
  const { Attributes = {} } = await sns.send(new GetSubscriptionAttributesCommand({ SubscriptionArn }));
  const { TopicArn, Endpoint, RawMessageDelivery, FilterPolicy, RedrivePolicy } = Attributes;
  const { deadLetterTargetArn } = parse<RedrivePolicy>(RedrivePolicy);
  return {
    topic: nameOf(TopicArn),
    queue: nameOf(Endpoint),
    raw: RawMessageDelivery === 'true',
    filterPolicy: FilterPolicy,
    deadLetterQueue: deadLetterTargetArn && nameOf(deadLetterTargetArn),
  };
}

async function readQueue(sqs: SQSClient, QueueUrl: string): Promise<QueueFacts> {
  const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['Policy', 'RedrivePolicy'] });
  const { Attributes: { Policy, RedrivePolicy } = {} } = await sqs.send(command);
  const { deadLetterTargetArn: to, maxReceiveCount: after = 0 } = parse<RedrivePolicy>(RedrivePolicy);
  return {
    name: QueueUrl.slice(QueueUrl.lastIndexOf('/') + 1),
    senders: (parse<QueuePolicy>(Policy).Statement ?? []).map(senderOf),
    redrive: to === undefined ? undefined : { to: nameOf(to), after },
  };
}

/** What it is, in lines of a subject and a text each. */
export function describeTopology(topology: Topology): readonly (readonly [subject: string, text: string])[] {
  return [
    ...topology.topics.flatMap((topic) => [['topic', topic] as const, ...describeSubscriptions(topic, topology)]),
    ...describeSenders(topology.queues),
    ...describeDeadLetters(topology),
  ];
}

type Lines = (readonly [subject: string, text: string])[];

function describeSubscriptions(topic: string, { subscriptions }: Topology): Lines {
  return subscriptions
    .filter((subscription) => subscription.topic === topic)
    .flatMap(({ queue, raw, filterPolicy }): Lines => {
      const delivery = raw ? 'raw delivery' : 'wrapped in notifications';
      if (!filterPolicy) return [['  └ queue', `${queue}: ${delivery}, every message`]];
      return [
        ['  └ queue', `${queue}: ${delivery}, what passes the filter policy`],
        ['', filterPolicy],
      ];
    });
}

function describeSenders(queues: readonly QueueFacts[]): Lines {
  const lines = queues.flatMap(({ name, senders }) => senders.map((sender) => `${sender} to queue ${name}`)).toSorted();
  return subjectOnce('may send', [...lines, 'and besides these only the account itself']);
}

function describeDeadLetters({ queues, subscriptions }: Topology): Lines {
  const received = queues.flatMap(({ name, redrive }) =>
    redrive === undefined ? [] : [`${redrive.to}: what ${name} gave out ${redrive.after} times`],
  );
  const undelivered = new Set(subscriptions.flatMap(({ deadLetterQueue }) => deadLetterQueue ?? []));
  return subjectOnce('redrive to', [...received, ...[...undelivered].map((to) => `${to}: what SNS cannot deliver`)]);
}

function subjectOnce(subject: string, texts: readonly string[]): Lines {
  return texts.map((text, index) => [index === 0 ? subject : '', text]);
}

/** The names of all that is there, each with what it is. */
export function namesIn({ topics, subscriptions, queues }: Topology): readonly string[] {
  return [
    ...topics.map((name) => `topic ${name}`),
    ...subscriptions.map(({ topic, queue }) => `subscription of ${queue} to ${topic}`),
    ...queues.map(({ name }) => `queue ${name}`),
  ];
}

interface RedrivePolicy {
  readonly deadLetterTargetArn?: string;
  readonly maxReceiveCount?: number;
}

interface QueuePolicy {
  readonly Statement?: readonly Statement[];
}

interface Statement {
  readonly Principal?: { readonly Service?: string };
  readonly Condition?: { readonly ArnEquals?: { readonly 'aws:SourceArn'?: string } };
}

/** One topic, or whatever else the statement lets in. */
function senderOf(statement: Statement): string {
  const topicArn = statement.Condition?.ArnEquals?.['aws:SourceArn'];
  const isTopic = statement.Principal?.Service === 'sns.amazonaws.com' && topicArn !== undefined;
  return isTopic ? `topic ${nameOf(topicArn)}` : JSON.stringify(statement);
}

/** The JSON that AWS keeps policies in; without one, as if it were empty. */
function parse<T extends object>(json: string | undefined): Partial<T> {
  return json ? (JSON.parse(json) as T) : {};
}

function nameOf(arn = ''): string {
  return arn.slice(arn.lastIndexOf(':') + 1);
}
