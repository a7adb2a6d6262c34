import { AsyncMcpError, functionOption } from '@asyncmcp/core';
import { parseQueueUrl } from '@asyncmcp/sqs';
import { scopeOfQueue, scopeOfTopic } from './topic-address.js';
import type { AllowReplyTo } from '@asyncmcp/core';
import type { QueueLimits } from '@asyncmcp/sqs';
import type { Scope } from './topic-address.js';

/** Which topics a server publishes to. */
export interface ReplyPolicy {
  readonly allows: AllowReplyTo;
  /**
   * Finds out what the policy needs to know.
   *
   * @throws AsyncMcpError `ERR_ACCESS_DENIED` when it cannot be found out, or what asking failed with
   */
  prepare(): Promise<void>;
}

export interface ReplyPolicyOptions {
  readonly allowReplyTo?: AllowReplyTo | undefined;
  readonly requestQueueUrl: string;
  readonly answerTopicArn?: string | undefined;
}

/** The user's own policy, or the default: topics of the account and region of the request queue, but not the server's own. */
export function createReplyPolicy(
  { allowReplyTo, requestQueueUrl, answerTopicArn }: ReplyPolicyOptions,
  limits: QueueLimits,
): ReplyPolicy {
  if (allowReplyTo !== undefined)
    return { allows: functionOption('allowReplyTo', allowReplyTo), prepare: () => Promise.resolve() };
  let own: Scope | undefined;

  async function prepare(): Promise<void> {
    if (own !== undefined) return;
    const { queueArn } = await limits.get(requestQueueUrl);
    own = queueArn === undefined ? scopeOfAwsQueueUrl(requestQueueUrl) : scopeOfQueue(queueArn);
    if (own !== undefined) return;
    const text =
      `Which topics replies may go to depends on the account and region of queue ${requestQueueUrl}, which could not be ` +
      'read. Allow sqs:GetQueueAttributes, or give allowReplyTo.';
    throw new AsyncMcpError('ERR_ACCESS_DENIED', text, { details: { queueUrl: requestQueueUrl } });
  }

  return {
    prepare,
    async allows(topicArn) {
      await prepare();
      return own !== undefined && topicArn !== answerTopicArn && scopeOfTopic(topicArn) === own;
    },
  };
}

/** `https://sqs.<region>.amazonaws.com/<account>/<name>`, as AWS writes its queue URLs in the standard partition. */
function scopeOfAwsQueueUrl(queueUrl: string): Scope | undefined {
  const address = parseQueueUrl(queueUrl);
  if (address === undefined) return undefined;
  const region = /^https:\/\/sqs\.([a-z0-9-]+)\.amazonaws\.com$/.exec(address.origin)?.[1];
  return region === undefined ? undefined : scopeOfQueue(`arn:aws:sqs:${region}:${address.account}:`);
}
