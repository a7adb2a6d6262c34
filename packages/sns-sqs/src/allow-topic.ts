import { setTimeout as sleep } from 'node:timers/promises';
import { GetQueueAttributesCommand, SetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { AsyncMcpError, backoffDelay } from '@asyncmcp/core';
import { awsCall } from '@asyncmcp/sqs';
import { statementId, topicStatement, withStatement, withoutStatement } from './queue-policy.js';
import type { UndoLog } from '@asyncmcp/sqs';
import type { SQSClient } from '@aws-sdk/client-sqs';

/** How often the policy is written when others write it at the same time. */
const MAX_WRITES = 5;

export interface AllowTopicOptions {
  readonly sqs: SQSClient;
  readonly queueUrl: string;
  readonly topicArn: string;
  /** Whether nobody else can be changing the policy, because the queue was just made. It is not looked at again then. */
  readonly fresh: boolean;
  readonly signal: AbortSignal | undefined;
  readonly log: UndoLog;
}

/**
 * Lets a topic send to a queue, by a statement in the queue's policy; the others stay. Resolves with the queue's ARN.
 *
 * SQS has no conditional write: of two processes that add statements at the same moment one may overwrite the other's. So the
 * policy is read again, and written again if the statement is missing. It takes up to 60 seconds to be in force everywhere
 * (SetQueueAttributes); what SNS is refused meanwhile it does not try again, but gives to the subscription's dead-letter queue.
 */
export async function allowTopic(options: AllowTopicOptions): Promise<string> {
  const { queueUrl, topicArn, fresh, log, sqs } = options;
  for (let writes = 0; ; writes++) {
    const { queueArn, policy } = await readPolicy(options);
    const changed = withStatement(policy, topicStatement(topicArn, queueArn));
    // A statement that is still missing then was not overwritten each time: what we read is old.
    if (changed === undefined || writes === MAX_WRITES) return queueArn;
    if (writes > 0) await sleep(backoffDelay(writes));
    if (writes === 0) {
      const what = `the permission of topic ${topicArn} in the policy of queue ${queueUrl}`;
      log.add({ what, made: true, undo: () => forbidTopic({ sqs, queueUrl, topicArn }) });
    }
    await writePolicy(options, changed);
    if (fresh) return queueArn;
  }
}

/** Takes back what {@link allowTopic} added. */
async function forbidTopic(options: Pick<AllowTopicOptions, 'sqs' | 'queueUrl' | 'topicArn'>): Promise<void> {
  const { policy } = await readPolicy(options);
  const changed = withoutStatement(policy, statementId(options.topicArn));
  if (changed !== undefined) await writePolicy(options, changed);
}

type Target = Pick<AllowTopicOptions, 'sqs' | 'queueUrl'> & Partial<Pick<AllowTopicOptions, 'signal'>>;

async function readPolicy({
  sqs,
  queueUrl,
  signal,
}: Target): Promise<{ queueArn: string; policy: string | undefined }> {
  const doing = `Reading the policy of queue ${queueUrl}`;
  const { Attributes: { QueueArn: queueArn, Policy: policy } = {} } = await awsCall({
    doing,
    signal,
    call: (abortSignal) => {
      const command = new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['QueueArn', 'Policy'] });
      return sqs.send(command, { abortSignal });
    },
  });
  if (queueArn === undefined) throw new AsyncMcpError('ERR_UNAVAILABLE', `${doing} failed: SQS did not name its ARN.`);
  return { queueArn, policy };
}

/** An empty one removes the policy. */
async function writePolicy({ sqs, queueUrl, signal }: Target, policy: string): Promise<void> {
  await awsCall({
    doing: `Setting the policy of queue ${queueUrl}`,
    signal,
    call: (abortSignal) => {
      const command = new SetQueueAttributesCommand({ QueueUrl: queueUrl, Attributes: { Policy: policy } });
      return sqs.send(command, { abortSignal });
    },
  });
}
