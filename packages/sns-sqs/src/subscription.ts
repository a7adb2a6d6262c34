import {
  GetSubscriptionAttributesCommand,
  ListSubscriptionsByTopicCommand,
  SetSubscriptionAttributesCommand,
  SubscribeCommand,
  UnsubscribeCommand,
} from '@aws-sdk/client-sns';
import { AsyncMcpError, isAsyncMcpError } from '@asyncmcp/core';
import { awsCall } from '@asyncmcp/sqs';
import { missingAttributes } from './subscription-attributes.js';
import type { UndoLog } from '@asyncmcp/sqs';
import type { SNSClient } from '@aws-sdk/client-sns';
import type { SubscriptionAttributes } from './subscription-attributes.js';

export interface EnsureSubscriptionOptions {
  readonly sns: SNSClient;
  readonly topicArn: string;
  readonly queueArn: string;
  readonly attributes: SubscriptionAttributes;
  /** Whether there can be none, because the queue was just made under a name that no other had. Saves looking. */
  readonly fresh: boolean;
  readonly signal: AbortSignal | undefined;
  readonly log: UndoLog;
}

export interface EnsuredSubscription {
  readonly subscriptionArn: string;
  /** Whether it was made just now. Two processes that make the same one at the same moment both hear true. */
  readonly created: boolean;
}

/**
 * Subscribes a queue to a topic with these attributes from the first moment, or sets them on the subscription there is.
 *
 * SNS has one subscription per topic and queue: Subscribe returns its ARN when it has the same attributes, and fails when it
 * has others.
 *
 * @throws AsyncMcpError `ERR_DESTINATION_GONE` when there is no such topic, `ERR_ACCESS_DENIED`, `ERR_UNAVAILABLE`, also when
 *   the topic has as many subscriptions (FIFO: 100) or filter policies (200) as it may
 */
export async function ensureSubscription(options: EnsureSubscriptionOptions): Promise<EnsuredSubscription> {
  const { sns, fresh, log } = options;
  const note = (subscriptionArn: string, created: boolean): EnsuredSubscription => {
    const undo = (): Promise<void> => unsubscribe({ sns, subscriptionArn });
    log.add({ what: `subscription ${subscriptionArn}`, made: created, undo });
    return { subscriptionArn, created };
  };
  const found = fresh ? undefined : await adoptSubscription(options);
  if (found !== undefined) return note(found, false);
  try {
    return note(await subscribe(options), true);
  } catch (error) {
    // Somebody else may have subscribed it meanwhile, with other attributes.
    const other = isAsyncMcpError(error, 'ERR_MESSAGE_INVALID') ? await adoptSubscription(options) : undefined;
    if (other === undefined) throw error;
    return note(other, false);
  }
}

/**
 * Ends a subscription. One that is gone already is no failure.
 *
 * @throws AsyncMcpError `ERR_ACCESS_DENIED`, `ERR_UNAVAILABLE`
 */
export async function unsubscribe(options: { sns: SNSClient; subscriptionArn: string }): Promise<void> {
  const { sns, subscriptionArn } = options;
  try {
    await awsCall({
      doing: `Ending subscription ${subscriptionArn}`,
      call: (abortSignal) => sns.send(new UnsubscribeCommand({ SubscriptionArn: subscriptionArn }), { abortSignal }),
    });
  } catch (error) {
    if (!isAsyncMcpError(error, 'ERR_DESTINATION_GONE')) throw error;
  }
}

/** Not given up when the signal aborts: nobody could say then whether there is a subscription to end. */
async function subscribe(options: EnsureSubscriptionOptions): Promise<string> {
  const { sns, topicArn, queueArn, attributes, signal } = options;
  const doing = `Subscribing queue ${queueArn} to topic ${topicArn}`;
  signal?.throwIfAborted();
  const { SubscriptionArn } = await awsCall({
    doing,
    call: () => {
      const target = { TopicArn: topicArn, Protocol: 'sqs', Endpoint: queueArn };
      // Without this one, SNS answers "pending confirmation" instead of the ARN where the topic is another account's.
      return sns.send(new SubscribeCommand({ ...target, Attributes: attributes, ReturnSubscriptionArn: true }));
    },
    onLate: ({ SubscriptionArn: late }) => {
      if (late !== undefined) unsubscribe({ sns, subscriptionArn: late }).catch(() => {}); // Nobody is left to tell.
    },
  });
  if (SubscriptionArn !== undefined) return SubscriptionArn;
  throw new AsyncMcpError('ERR_UNAVAILABLE', `${doing} failed: SNS did not name the subscription.`);
}

/** The subscription there is, with the attributes it should have; undefined where there is none. */
async function adoptSubscription(options: EnsureSubscriptionOptions): Promise<string | undefined> {
  const { sns, attributes, signal, log } = options;
  const subscriptionArn = await findSubscription(options);
  if (subscriptionArn === undefined) return undefined;
  try {
    const { Attributes = {} } = await awsCall({
      doing: `Looking at subscription ${subscriptionArn}`,
      signal,
      call: (abortSignal) => {
        const command = new GetSubscriptionAttributesCommand({ SubscriptionArn: subscriptionArn });
        return sns.send(command, { abortSignal });
      },
    });
    for (const [name, value] of missingAttributes(subscriptionArn, attributes, Attributes)) {
      const undo = (): Promise<void> => setAttribute({ sns, subscriptionArn, name, value: '{}' });
      log.add({ what: `${name} of subscription ${subscriptionArn}`, made: true, undo });
      await setAttribute({ sns, subscriptionArn, name, value, signal });
    }
    return subscriptionArn;
  } catch (error) {
    // Still listed, but gone.
    if (isAsyncMcpError(error, 'ERR_DESTINATION_GONE')) return undefined;
    throw error;
  }
}

interface AttributeChange {
  readonly sns: SNSClient;
  readonly subscriptionArn: string;
  readonly name: string;
  /** `{}` takes a policy away. */
  readonly value: string;
  readonly signal?: AbortSignal | undefined;
}

async function setAttribute({ sns, subscriptionArn, name, value, signal }: AttributeChange): Promise<void> {
  await awsCall({
    doing: `Setting ${name} of subscription ${subscriptionArn}`,
    signal,
    call: (abortSignal) => {
      const change = { SubscriptionArn: subscriptionArn, AttributeName: name, AttributeValue: value };
      return sns.send(new SetSubscriptionAttributesCommand(change), { abortSignal });
    },
  });
}

/**
 * The subscription of a queue to a topic; undefined where there is none.
 *
 * @throws AsyncMcpError `ERR_DESTINATION_GONE` when there is no such topic, `ERR_ACCESS_DENIED`, `ERR_UNAVAILABLE`
 */
export async function findSubscription(
  options: Pick<EnsureSubscriptionOptions, 'sns' | 'topicArn' | 'queueArn' | 'signal'>,
): Promise<string | undefined> {
  const { sns, topicArn, queueArn, signal } = options;
  let token: string | undefined;
  do {
    const input = { TopicArn: topicArn, ...(token !== undefined && { NextToken: token }) };
    const { Subscriptions = [], NextToken } = await awsCall({
      doing: `Looking for the subscription of queue ${queueArn} to topic ${topicArn}`,
      signal,
      call: (abortSignal) => sns.send(new ListSubscriptionsByTopicCommand(input), { abortSignal }),
    });
    const found = Subscriptions.find(({ Protocol, Endpoint }) => Protocol === 'sqs' && Endpoint === queueArn);
    // "PendingConfirmation" and "Deleted" stand where the ARN should be.
    if (found?.SubscriptionArn?.startsWith('arn:') === true) return found.SubscriptionArn;
    token = NextToken;
  } while (token !== undefined && token !== '');
  return undefined;
}
