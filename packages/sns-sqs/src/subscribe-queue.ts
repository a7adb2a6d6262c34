import { withTeardown } from '@asyncmcp/sqs';
import { allowTopic } from './allow-topic.js';
import { subscriptionAttributes } from './subscription-attributes.js';
import { ensureSubscription } from './subscription.js';
import type { UndoLog } from '@asyncmcp/sqs';
import type { SNSClient } from '@aws-sdk/client-sns';
import type { SQSClient } from '@aws-sdk/client-sqs';

export interface SubscribeQueueOptions {
  readonly sns: SNSClient;
  readonly sqs: SQSClient;
  readonly topicArn: string;
  readonly queueUrl: string;
  /** Lets through only what is for this client or for all. Default: everything; a filter policy that is there stays. */
  readonly clientId?: string | undefined;
  /** Whether messages arrive as they were published, rather than wrapped in a notification. Default true. */
  readonly rawMessageDelivery?: boolean | undefined;
  /** Where SNS puts what it cannot deliver; of the topic's account and region. Default: it is lost. */
  readonly deadLetterQueueUrl?: string | undefined;
  /** Whether the queue was just made under a name that no other had: saves looking for what cannot be there. Default false. */
  readonly fresh?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface QueueSubscription {
  readonly subscriptionArn: string;
  readonly queueArn: string;
  /** Whether it was made just now, rather than found. */
  readonly created: boolean;
}

/**
 * Has what is published to a topic sent to a queue: adds to the queue's policy that this topic may send to it, then subscribes
 * it. A subscription there is gets the attributes it lacks. When it fails, nothing of this is left. The caller should own the
 * queue: a subscription made by another account waits for its confirmation, which nobody here gives.
 *
 * @throws AsyncMcpError `ERR_DESTINATION_GONE` when there is no such topic or queue, `ERR_ACCESS_DENIED`, `ERR_UNAVAILABLE`;
 *   the signal's reason when it aborts
 */
export async function subscribeQueue(options: SubscribeQueueOptions): Promise<QueueSubscription> {
  const subscription = await withTeardown((log) => subscribeQueueLogged(options, log));
  const { subscriptionArn, queueArn, created } = subscription;
  return { subscriptionArn, queueArn, created };
}

/** The same as a part of something larger: the steps are noted in `log`, for the caller to undo. */
export async function subscribeQueueLogged(options: SubscribeQueueOptions, log: UndoLog): Promise<QueueSubscription> {
  const { sns, sqs, topicArn, queueUrl, deadLetterQueueUrl, fresh = false, signal } = options;
  const deadLetterQueueArn =
    deadLetterQueueUrl === undefined
      ? undefined
      : await allowTopic({ sqs, queueUrl: deadLetterQueueUrl, topicArn, fresh: false, signal, log });
  const queueArn = await allowTopic({ sqs, queueUrl, topicArn, fresh, signal, log });
  const { clientId, rawMessageDelivery = true } = options;
  const attributes = subscriptionAttributes({ rawMessageDelivery, clientId, deadLetterQueueArn });
  const subscription = await ensureSubscription({ sns, topicArn, queueArn, attributes, fresh, signal, log });
  return { ...subscription, queueArn };
}
