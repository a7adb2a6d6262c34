import { knownOptions } from '@asyncmcp/core';
import { ensureQueue } from './ensure-queue.js';
import { SQS_PROVISION_OPTION_NAMES, checkSqsProvisionOptions } from './provision-options.js';
import { ensureDeadLetterQueue } from './redrive-policy.js';
import { withTeardown } from './undo-log.js';
import type { CheckedSqsProvisionOptions, SqsProvisionOptions } from './provision-options.js';
import type { Teardown, UndoLog } from './undo-log.js';

/** The queues a provisioning call made or found. */
export interface SqsQueues {
  /** The queue that clients send to: the server's and the clients' option `requestQueueUrl`. */
  readonly requestQueueUrl: string;
  /** Its ARN, for policies. */
  readonly requestQueueArn: string;
  /** There when `responseQueueName` was given. */
  readonly responseQueueUrl?: string;
  /** Its ARN, for policies. */
  readonly responseQueueArn?: string;
  /** There unless `deadLetterQueueName` was false. */
  readonly deadLetterQueueUrl?: string;
  /** Its ARN, for policies. */
  readonly deadLetterQueueArn?: string;
}

/** What {@link provisionSqs} resolves with. */
export type SqsTopology = SqsQueues & Teardown;

/**
 * Makes the queues of an MCP server, or finds those that are there: the request queue, its dead-letter queue with the redrive
 * policy, and a client's response queue if one is named. What is found keeps its attributes, only a missing redrive policy is
 * added. May be called again, and by several processes at once. When it fails it removes what it made.
 *
 * Two calls that make a thing at the very same moment both take it for their own, and the `teardown` of either removes it.
 *
 * Needs the permissions `sqs:CreateQueue`, `DeleteQueue`, `GetQueueUrl`, `GetQueueAttributes`, `SetQueueAttributes`, and
 * `TagQueue` for tags.
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION`; `ERR_ACCESS_DENIED`; `ERR_UNAVAILABLE` when SQS cannot be reached, and for 60
 *   seconds after a queue of the same name was deleted
 */
export async function provisionSqs(options: SqsProvisionOptions): Promise<SqsTopology> {
  knownOptions('provisionSqs', options, SQS_PROVISION_OPTION_NAMES);
  const checked = checkSqsProvisionOptions(options);
  return withTeardown((log) => provisionQueues(checked, log));
}

/** What {@link provisionSqs} does, as a part of something larger: the steps are noted in `log`. */
export async function provisionQueues(options: CheckedSqsProvisionOptions, log: UndoLog): Promise<SqsQueues> {
  const { requestQueueName, responseQueueName, deadLetterQueueName, attributes } = options;
  const context = { ...options, log };
  const request = await ensureQueue(context, requestQueueName, attributes);
  const deadLetters =
    deadLetterQueueName === undefined
      ? undefined
      : await ensureDeadLetterQueue(context, request, deadLetterQueueName, options);
  const response =
    responseQueueName === undefined ? undefined : await ensureQueue(context, responseQueueName, attributes);
  return {
    requestQueueUrl: request.url,
    requestQueueArn: request.arn,
    ...(response !== undefined && { responseQueueUrl: response.url, responseQueueArn: response.arn }),
    ...(deadLetters !== undefined && { deadLetterQueueUrl: deadLetters.url, deadLetterQueueArn: deadLetters.arn }),
  };
}
