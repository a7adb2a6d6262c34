import { GetSubscriptionAttributesCommand, ListSubscriptionsCommand } from '@aws-sdk/client-sns';
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import type { SnsSqsTopology } from '@asyncmcp/sns-sqs';
import type { SNSClient } from '@aws-sdk/client-sns';
import type { SQSClient } from '@aws-sdk/client-sqs';

/** What was made, as SNS and SQS describe it themselves: subject and text of a line each. */
export async function describeTopology(
  sns: SNSClient,
  sqs: SQSClient,
  topology: SnsSqsTopology,
): Promise<readonly (readonly [subject: string, text: string])[]> {
  const { requestTopicArn, responseTopicArn, requestQueueUrl, requestQueueArn, deadLetterQueueArn = '' } = topology;
  const { Attributes = {} } = await sns.send(
    new GetSubscriptionAttributesCommand({ SubscriptionArn: topology.requestSubscriptionArn }),
  );
  const { Attributes: { Policy = '' } = {} } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: requestQueueUrl, AttributeNames: ['Policy'] }),
  );
  const raw = Attributes['RawMessageDelivery'] === 'true' ? 'raw delivery' : 'wrapped';
  const only = Policy.includes(`"aws:SourceArn":"${requestTopicArn}"`)
    ? 'which alone may send to it'
    : 'which may send to it';
  const redriven =
    Attributes['RedrivePolicy']?.includes(deadLetterQueueArn) === true ? nameOf(deadLetterQueueArn) : 'nowhere';
  return [
    ['topics', `${nameOf(requestTopicArn)} (clients publish), ${nameOf(responseTopicArn)} (servers publish)`],
    ['queues', `${nameOf(requestQueueArn)}, redriven to ${nameOf(deadLetterQueueArn)}`],
    ['subscribed', `queue ${nameOf(requestQueueArn)} to topic ${nameOf(requestTopicArn)},`],
    ['', `${only}; ${raw}; else to ${redriven}`],
    ['', 'each client: a queue of its own, by a filter on ClientId'],
  ];
}

export async function listSubscriptions(sns: SNSClient): Promise<string[]> {
  const { Subscriptions = [] } = await sns.send(new ListSubscriptionsCommand({}));
  return Subscriptions.map(({ SubscriptionArn = '' }) => SubscriptionArn);
}

function nameOf(arn: string): string {
  return arn.slice(arn.lastIndexOf(':') + 1);
}
