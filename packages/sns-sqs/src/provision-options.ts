import { booleanOption, clientIdOption, invalidOption, objectOption } from '@asyncmcp/core';
import { SQS_PROVISION_OPTION_NAMES, checkSqsProvisionOptions, resourceNameOption } from '@asyncmcp/sqs';
import type { CheckedSqsProvisionOptions, SqsProvisionOptions } from '@asyncmcp/sqs';
import type { SNSClient } from '@aws-sdk/client-sns';

/** Options of {@link provisionSnsSqs}. */
export interface SnsSqsProvisionOptions extends SqsProvisionOptions {
  /** The AWS client, of the same account and region as `sqs`. It is not destroyed. */
  readonly sns: SNSClient;
  /** The topic that clients publish to: up to 256 letters, digits, - and _. The request queue is subscribed to it. */
  readonly requestTopicName: string;
  /** The topic that servers publish replies to. The response queue, if one is named, is subscribed to it. */
  readonly responseTopicName: string;
  /** The client whose queue `responseQueueName` is: it gets only what is for it, or for all. Default: the queue gets everything. */
  readonly clientId?: string | undefined;
  /** Whether messages arrive as they were published, rather than wrapped in a notification. Default true. */
  readonly rawMessageDelivery?: boolean | undefined;
}

/** For the check against misspelt options. */
export const SNS_SQS_PROVISION_OPTION_NAMES: readonly (keyof SnsSqsProvisionOptions)[] = [
  ...SQS_PROVISION_OPTION_NAMES,
  'sns',
  'requestTopicName',
  'responseTopicName',
  'clientId',
  'rawMessageDelivery',
];

/** Longest name of a topic, `.fifo` included (CreateTopic). */
const MAX_TOPIC_NAME_LENGTH = 256;

/** What {@link checkSnsSqsProvisionOptions} returns: names in full, defaults filled in. */
export interface CheckedSnsSqsProvisionOptions extends CheckedSqsProvisionOptions {
  readonly sns: SNSClient;
  readonly requestTopicName: string;
  readonly responseTopicName: string;
  readonly clientId: string | undefined;
  readonly rawMessageDelivery: boolean;
}

/**
 * Checks the options of a provisioning call and fills in the defaults.
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION`
 */
export function checkSnsSqsProvisionOptions(options: SnsSqsProvisionOptions): CheckedSnsSqsProvisionOptions {
  const queues = checkSqsProvisionOptions(options);
  const rules = { maxLength: MAX_TOPIC_NAME_LENGTH, fifo: queues.fifo };
  const requestTopicName = resourceNameOption('requestTopicName', options.requestTopicName, rules);
  const responseTopicName = resourceNameOption('responseTopicName', options.responseTopicName, rules);
  if (responseTopicName === requestTopicName) {
    throw invalidOption('responseTopicName', responseTopicName, 'another topic than requestTopicName');
  }
  return {
    ...queues,
    sns: objectOption('sns', options.sns, ['send']),
    requestTopicName,
    responseTopicName,
    clientId: ownerOption(options.clientId, queues.responseQueueName),
    rawMessageDelivery: booleanOption('rawMessageDelivery', options.rawMessageDelivery, true),
  };
}

function ownerOption(value: unknown, responseQueueName: string | undefined): string | undefined {
  if (value !== undefined && responseQueueName === undefined) {
    throw invalidOption('clientId', value, 'left out without responseQueueName: it says whose queue that is');
  }
  return clientIdOption(value);
}
