/** What AWS charges for requests, so that counts become dollars. */
import { sum } from './statistics.js';
import type { RequestCounts } from './usage.js';

/**
 * Dollars for a million requests, on demand, in us-east-1: without the free million of each month, data transfer and tax. A request
 * here is one of at most 64 KiB, whether it carries one message or ten.
 *
 * @see https://aws.amazon.com/sqs/pricing/ and https://aws.amazon.com/sns/pricing/
 */
export const DOLLARS_PER_MILLION = { sqs: 0.4, sqsFifo: 0.5, sns: 0.5 } as const;

/** When the prices were looked up, as year and month. */
export const PRICES_AS_OF = '2026-11';

/** Actions of SNS that this project takes. Delivery to SQS is none, and is free. */
const TOPIC_ACTIONS: ReadonlySet<string> = new Set([
  'CreateTopic',
  'DeleteTopic',
  'GetSubscriptionAttributes',
  'GetTopicAttributes',
  'ListSubscriptionsByTopic',
  'Publish',
  'PublishBatch',
  'SetSubscriptionAttributes',
  'Subscribe',
  'Unsubscribe',
]);

/** Actions of SQS that it takes. */
const QUEUE_ACTIONS: ReadonlySet<string> = new Set([
  'ChangeMessageVisibility',
  'ChangeMessageVisibilityBatch',
  'CreateQueue',
  'DeleteMessage',
  'DeleteMessageBatch',
  'DeleteQueue',
  'GetQueueAttributes',
  'GetQueueUrl',
  'ReceiveMessage',
  'SendMessage',
  'SendMessageBatch',
  'SetQueueAttributes',
]);

/**
 * Dollars for API calls to standard queues and topics.
 *
 * @throws Error for an action that has no price here
 */
export function dollarsFor(requests: RequestCounts): number {
  return sum(Object.entries(requests).map(([action, count]) => (count / 1_000_000) * priceOf(action)));
}

function priceOf(action: string): number {
  if (TOPIC_ACTIONS.has(action)) return DOLLARS_PER_MILLION.sns;
  if (QUEUE_ACTIONS.has(action)) return DOLLARS_PER_MILLION.sqs;
  throw new Error(`No price is known for the action "${action}": add it to prices.ts.`);
}
