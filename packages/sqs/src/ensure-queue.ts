import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
} from '@aws-sdk/client-sqs';
import { AsyncMcpError, isAsyncMcpError, isRecord, retry } from '@asyncmcp/core';
import { awsCall } from './aws-call.js';
import type { QueueAttributeName } from '@aws-sdk/client-sqs';
import type { CheckedSqsProvisionOptions } from './provision-options.js';
import type { UndoLog } from './undo-log.js';

/** How long a new queue may take to be there for everybody, in milliseconds; SQS says one second (CreateQueue). */
const VISIBLE_WITHIN_MS = 10_000;

/** What making or finding a queue needs to know. */
export interface ProvisionContext extends Pick<CheckedSqsProvisionOptions, 'sqs' | 'tags' | 'signal' | 'logger'> {
  readonly log: UndoLog;
}

/** A queue that is there. */
export interface ProvisionedQueue {
  readonly url: string;
  readonly arn: string;
  /** Where its redrive policy moves messages; undefined without one. */
  readonly deadLetterTargetArn: string | undefined;
}

export interface EnsuredQueue extends ProvisionedQueue {
  /** Whether it was made just now. Two processes that make the same queue at the same moment both hear true. */
  readonly made: boolean;
}

/**
 * Finds a queue by name, and makes it where there is none. A queue that is found keeps its attributes.
 *
 * @throws AsyncMcpError `ERR_ACCESS_DENIED`, `ERR_UNAVAILABLE`, also when a queue of that name was deleted less than 60 seconds
 *   ago (CreateQueue)
 */
export async function ensureQueue(
  context: ProvisionContext,
  name: string,
  attributes: Partial<Record<QueueAttributeName, string>>,
): Promise<EnsuredQueue> {
  const { sqs, log, logger } = context;
  const found = await findQueue(context, name);
  const queue = found === undefined ? await makeQueue(context, name, attributes) : { ...found, made: false };
  if (!queue.made) log.add({ what: `queue ${queue.url}`, made: false, undo: () => deleteQueue(sqs, queue.url) });
  logger.info({ queueUrl: queue.url }, queue.made ? 'queue made' : 'queue found');
  return queue;
}

/** The queue of that name, of this account or of `account`; undefined where there is none. */
export async function findQueue(
  context: ProvisionContext,
  name: string,
  account?: string,
): Promise<ProvisionedQueue | undefined> {
  const { sqs, signal } = context;
  const owner = account === undefined ? {} : { QueueOwnerAWSAccountId: account };
  try {
    const { QueueUrl } = await awsCall({
      doing: `Looking for queue ${name}`,
      signal,
      call: (abortSignal) => sqs.send(new GetQueueUrlCommand({ QueueName: name, ...owner }), { abortSignal }),
    });
    // For a moment a deleted queue still has a URL, but nothing else.
    return QueueUrl === undefined ? undefined : await describeQueue(context, QueueUrl);
  } catch (error) {
    if (isAsyncMcpError(error, 'ERR_DESTINATION_GONE')) return undefined;
    throw error;
  }
}

async function makeQueue(
  context: ProvisionContext,
  name: string,
  attributes: Partial<Record<QueueAttributeName, string>>,
): Promise<EnsuredQueue> {
  const { sqs, signal, tags, log } = context;
  // Tags, even none, take a permission of their own.
  const tagged = Object.keys(tags).length > 0 && { tags };
  const command = new CreateQueueCommand({ QueueName: name, Attributes: attributes, ...tagged });
  const url = await createQueue(context, command);
  if (url === undefined) {
    const queue = await findQueue(context, name);
    if (queue !== undefined) return { ...queue, made: false };
    throw new AsyncMcpError('ERR_UNAVAILABLE', `Queue ${name} was made by another process and is not there yet.`);
  }
  log.add({ what: `queue ${url}`, made: true, undo: () => deleteQueue(sqs, url) });
  const queue = await retry(() => describeQueue(context, url), {
    forMs: VISIBLE_WITHIN_MS,
    signal,
    isTransient: (error) => isAsyncMcpError(error, 'ERR_DESTINATION_GONE') || isAsyncMcpError(error, 'ERR_UNAVAILABLE'),
  });
  return { ...queue, made: true };
}

/** Undefined when another process was quicker, and made it with other attributes (CreateQueue: QueueNameExists). */
async function createQueue(
  { sqs, signal }: ProvisionContext,
  command: CreateQueueCommand,
): Promise<string | undefined> {
  const doing = `Making queue ${command.input.QueueName ?? ''}`;
  signal.throwIfAborted();
  try {
    const { QueueUrl } = await awsCall({
      doing,
      call: () => sqs.send(command),
      onLate: ({ QueueUrl: late }) => {
        if (late !== undefined) deleteQueue(sqs, late).catch(() => {}); // Nobody is left to tell.
      },
    });
    if (QueueUrl !== undefined) return QueueUrl;
  } catch (error) {
    if (isAsyncMcpError(error) && /^Queue(NameExists|AlreadyExists)$/.test(String(error.details['awsCode']))) {
      return undefined;
    }
    throw error;
  }
  throw new AsyncMcpError('ERR_UNAVAILABLE', `${doing} failed: SQS did not name its URL.`);
}

async function describeQueue({ sqs, signal }: ProvisionContext, url: string): Promise<ProvisionedQueue> {
  const doing = `Looking at queue ${url}`;
  const { Attributes = {} } = await awsCall({
    doing,
    signal,
    call: (abortSignal) => {
      const AttributeNames: QueueAttributeName[] = ['QueueArn', 'RedrivePolicy'];
      return sqs.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames }), { abortSignal });
    },
  });
  const { QueueArn: arn, RedrivePolicy } = Attributes;
  if (arn === undefined) throw new AsyncMcpError('ERR_UNAVAILABLE', `${doing} failed: SQS did not name its ARN.`);
  return { url, arn, deadLetterTargetArn: redriveTargetOf(RedrivePolicy) };
}

/** Where a redrive policy, as SQS gives it, moves messages. */
export function redriveTargetOf(policy: string | undefined): string | undefined {
  if (policy === undefined || policy === '') return undefined;
  const parsed: unknown = JSON.parse(policy);
  const target = isRecord(parsed) ? parsed['deadLetterTargetArn'] : undefined;
  return typeof target === 'string' ? target : undefined;
}

async function deleteQueue(sqs: ProvisionContext['sqs'], url: string): Promise<void> {
  await awsCall({
    doing: `Deleting queue ${url}`,
    call: (abortSignal) => sqs.send(new DeleteQueueCommand({ QueueUrl: url }), { abortSignal }),
  });
}
