import { AsyncMcpError, knownOptions } from '@asyncmcp/core';
import { awsCall, provisionQueues, withTeardown } from '@asyncmcp/sqs';
import { allowTopic } from './allow-topic.js';
import { ensureTopic } from './ensure-topic.js';
import { SNS_SQS_PROVISION_OPTION_NAMES, checkSnsSqsProvisionOptions } from './provision-options.js';
import { subscribeQueueLogged } from './subscribe-queue.js';
import type { SqsQueues, Teardown, UndoLog } from '@asyncmcp/sqs';
import type { CheckedSnsSqsProvisionOptions, SnsSqsProvisionOptions } from './provision-options.js';

/** The topics, queues and subscriptions a provisioning call made or found. */
export interface SnsSqsResources extends SqsQueues {
  /** The topic that clients publish to: their option `requestTopicArn`. */
  readonly requestTopicArn: string;
  /** Of the request queue to the request topic. */
  readonly requestSubscriptionArn: string;
  /** The topic that replies are published to: the clients' option `responseTopicArn`. */
  readonly responseTopicArn: string;
  /** Of the response queue to the response topic; there when `responseQueueName` was given. */
  readonly responseSubscriptionArn?: string;
}

/** What {@link provisionSnsSqs} resolves with. */
export type SnsSqsTopology = SnsSqsResources & Teardown;

/**
 * Makes the topics and queues of an MCP server, or finds those that are there: the request topic with the request queue
 * subscribed to it, the response topic, and a client's response queue with its subscription if one is named. The queues' policies
 * let each topic send to its own queue only. The dead-letter queue takes what the server cannot handle and what SNS cannot
 * deliver.
 *
 * What is found keeps its attributes; only what is missing is added: a redrive policy, statements in a queue's policy, attributes
 * of the subscriptions. May be called again, for one more client as well, and by several processes at once. When it fails it
 * removes what it made.
 *
 * Filter policies take up to 15 minutes, queue policies up to one minute to be in force everywhere (SNS Developer Guide;
 * SetQueueAttributes). A topic can have 200 filter policies: that many clients.
 *
 * Two calls that make a thing at the very same moment both take it for their own, and the `teardown` of either removes it.
 *
 * Needs the permissions `provisionSqs` needs, and `sns:CreateTopic`, `DeleteTopic`, `GetTopicAttributes`, `Subscribe`,
 * `Unsubscribe`, `ListSubscriptionsByTopic`, `GetSubscriptionAttributes`, `SetSubscriptionAttributes`, and `TagResource` for tags.
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION`; `ERR_ACCESS_DENIED`; `ERR_UNAVAILABLE` when AWS cannot be reached or a quota is
 *   used up, and for 60 seconds after a queue of the same name was deleted
 */
export async function provisionSnsSqs(options: SnsSqsProvisionOptions): Promise<SnsSqsTopology> {
  knownOptions('provisionSnsSqs', options, SNS_SQS_PROVISION_OPTION_NAMES);
  const checked = checkSnsSqsProvisionOptions(options);
  await checkRegions(checked);
  return withTeardown((log) => provision(checked, log));
}

async function provision(options: CheckedSnsSqsProvisionOptions, log: UndoLog): Promise<SnsSqsResources> {
  const { clientId, ...common } = options;
  const queues = await provisionQueues(options, log);
  const { requestQueueUrl, responseQueueUrl, deadLetterQueueUrl } = queues;
  const requestTopicArn = topicArnBeside(queues.requestQueueArn, options.requestTopicName);
  const responseTopicArn = topicArnBeside(queues.requestQueueArn, options.responseTopicName);
  for (const topicArn of [requestTopicArn, responseTopicArn]) {
    await ensureTopic({ ...options, topicArn, log });
    // For both from the start, or the first client would be the one to allow it, and to take it from the others when it leaves.
    if (deadLetterQueueUrl !== undefined) {
      await allowTopic({ ...options, queueUrl: deadLetterQueueUrl, topicArn, fresh: false, log });
    }
  }
  const subscribe = async (topicArn: string, queueUrl: string, filter: { clientId?: string | undefined } = {}) => {
    const settings = { ...common, ...filter, topicArn, queueUrl, deadLetterQueueUrl };
    return (await subscribeQueueLogged(settings, log)).subscriptionArn;
  };
  return {
    ...queues,
    requestTopicArn,
    responseTopicArn,
    requestSubscriptionArn: await subscribe(requestTopicArn, requestQueueUrl),
    ...(responseQueueUrl !== undefined && {
      responseSubscriptionArn: await subscribe(responseTopicArn, responseQueueUrl, { clientId }),
    }),
  };
}

/** The ARN a topic has, or will have, in the account and region of a queue: what SNS itself tells only to those who make it. */
function topicArnBeside(queueArn: string, name: string): string {
  const [arn, partition, , region, account] = queueArn.split(':');
  return [arn, partition, 'sns', region, account, name].join(':');
}

/** Subscription and dead-letter queue have to be in one region (SNS Developer Guide), and replies in the server's. */
async function checkRegions({ sns, sqs }: CheckedSnsSqsProvisionOptions): Promise<void> {
  const [snsRegion, sqsRegion] = await awsCall({
    doing: 'Finding the region of the AWS clients',
    call: () => Promise.all([sns.config.region(), sqs.config.region()]),
  });
  if (snsRegion === sqsRegion) return;
  const text = `Option "sns" is a client of ${snsRegion}, but must be of the region of "sqs", ${sqsRegion}.`;
  throw new AsyncMcpError('ERR_INVALID_OPTION', text, { details: { option: 'sns' } });
}
