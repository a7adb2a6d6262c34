import { GetQueueAttributesCommand, SetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { AsyncMcpError } from '@asyncmcp/core';
import { awsCall } from './aws-call.js';
import { ensureQueue, findQueue, redriveTargetOf } from './ensure-queue.js';
import type { EnsuredQueue, ProvisionContext, ProvisionedQueue } from './ensure-queue.js';
import type { CheckedSqsProvisionOptions } from './provision-options.js';

/** 14 days, the longest there is: for a dead letter of a standard queue it counts from when it was first sent. */
const DEAD_LETTER_RETENTION_SECONDS = 1_209_600;

/**
 * The dead-letter queue `name` of `source`, made where there is none. A source that has a redrive policy keeps it; then the
 * dead-letter queue is the one it names.
 *
 * @throws AsyncMcpError as {@link ensureQueue} does; `ERR_DESTINATION_GONE` when the policy names a queue that is gone
 */
export async function ensureDeadLetterQueue(
  context: ProvisionContext,
  source: EnsuredQueue,
  name: string,
  { fifo, maxReceiveCount }: Pick<CheckedSqsProvisionOptions, 'fifo' | 'maxReceiveCount'>,
): Promise<ProvisionedQueue> {
  const target = source.deadLetterTargetArn;
  if (target !== undefined && !target.endsWith(`:${name}`)) return findTarget(context, source, target);
  const deadLetters = await ensureQueue(context, name, {
    ...(fifo && { FifoQueue: 'true' }),
    MessageRetentionPeriod: String(DEAD_LETTER_RETENTION_SECONDS),
    // By default every queue of the account may use it (CreateQueue).
    RedriveAllowPolicy: JSON.stringify({ redrivePermission: 'byQueue', sourceQueueArns: [source.arn] }),
  });
  if (target === undefined) await addRedrivePolicy(context, source, deadLetters.arn, maxReceiveCount);
  return deadLetters;
}

/** Not noted in the log: it is not ours to remove, whatever is asked for. */
async function findTarget(
  context: ProvisionContext,
  { url: queueUrl }: EnsuredQueue,
  arn: string,
): Promise<ProvisionedQueue> {
  // arn:aws:sqs:<region>:<account>:<name>
  const [, , , , account, name = ''] = arn.split(':');
  const queue = await findQueue(context, name, account);
  if (queue === undefined) {
    const text = `The redrive policy of queue ${queueUrl} names a dead-letter queue that does not exist: ${arn}. Make it, or remove the policy.`;
    throw new AsyncMcpError('ERR_DESTINATION_GONE', text, { details: { arn, queueUrl } });
  }
  context.logger.info({ queueUrl, deadLetterQueueUrl: queue.url }, 'the queue keeps the dead-letter queue it has');
  return queue;
}

async function addRedrivePolicy(
  context: ProvisionContext,
  source: EnsuredQueue,
  deadLetterTargetArn: string,
  maxReceiveCount: number,
): Promise<void> {
  const { sqs, signal, log } = context;
  if (!source.made) {
    log.add({
      what: `the redrive policy of queue ${source.url}`,
      made: true,
      undo: async () => {
        if ((await currentTarget(sqs, source.url)) === deadLetterTargetArn) await setRedrivePolicy(sqs, source.url, '');
      },
    });
  }
  await setRedrivePolicy(sqs, source.url, JSON.stringify({ deadLetterTargetArn, maxReceiveCount }), signal);
}

/** An empty one removes the policy. Changes take up to 60 seconds to be in force everywhere (SetQueueAttributes). */
async function setRedrivePolicy(
  sqs: ProvisionContext['sqs'],
  queueUrl: string,
  policy: string,
  signal?: AbortSignal,
): Promise<void> {
  await awsCall({
    doing: `Setting the redrive policy of queue ${queueUrl}`,
    signal,
    call: (abortSignal) => {
      const command = new SetQueueAttributesCommand({ QueueUrl: queueUrl, Attributes: { RedrivePolicy: policy } });
      return sqs.send(command, { abortSignal });
    },
  });
}

async function currentTarget(sqs: ProvisionContext['sqs'], queueUrl: string): Promise<string | undefined> {
  const { Attributes } = await awsCall({
    doing: `Reading the redrive policy of queue ${queueUrl}`,
    call: (abortSignal) => {
      const command = new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['RedrivePolicy'] });
      return sqs.send(command, { abortSignal });
    },
  });
  return redriveTargetOf(Attributes?.RedrivePolicy);
}
