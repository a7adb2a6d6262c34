import { CreateTopicCommand, DeleteTopicCommand, GetTopicAttributesCommand } from '@aws-sdk/client-sns';
import { AsyncMcpError, isAsyncMcpError } from '@asyncmcp/core';
import { awsCall } from '@asyncmcp/sqs';
import type { Logger } from '@asyncmcp/core';
import type { UndoLog } from '@asyncmcp/sqs';
import type { SNSClient } from '@aws-sdk/client-sns';

export interface EnsureTopicOptions {
  readonly sns: SNSClient;
  /** Where it is, or will be once it is made. */
  readonly topicArn: string;
  readonly fifo: boolean;
  readonly tags: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly logger: Logger;
  readonly log: UndoLog;
}

/**
 * Finds a topic, and makes it where there is none. A topic that is found keeps its attributes.
 *
 * CreateTopic returns the ARN of a topic that is there, and fails when that has other attributes or tags than are asked for; it
 * never says whether it made one. So we look first.
 *
 * @throws AsyncMcpError `ERR_ACCESS_DENIED`, `ERR_UNAVAILABLE`, `ERR_INVALID_OPTION` when the client is another account's
 */
export async function ensureTopic(options: EnsureTopicOptions): Promise<void> {
  const { sns, topicArn, logger, log } = options;
  const made = !(await topicExists(options)) && (await makeTopic(options));
  log.add({ what: `topic ${topicArn}`, made, undo: () => deleteTopic(sns, topicArn) });
  logger.info({ topicArn }, made ? 'topic made' : 'topic found');
}

async function topicExists({ sns, topicArn, signal }: EnsureTopicOptions): Promise<boolean> {
  try {
    await awsCall({
      doing: `Looking for topic ${topicArn}`,
      signal,
      call: (abortSignal) => sns.send(new GetTopicAttributesCommand({ TopicArn: topicArn }), { abortSignal }),
    });
    return true;
  } catch (error) {
    if (isAsyncMcpError(error, 'ERR_DESTINATION_GONE')) return false;
    throw error;
  }
}

/**
 * Resolves with false when another process was quicker, and made it with other attributes. Not given up when the signal aborts:
 * nobody could say then whether there is a topic to delete.
 */
async function makeTopic(options: EnsureTopicOptions): Promise<boolean> {
  const { sns, topicArn, fifo, tags, signal } = options;
  const Name = topicArn.slice(topicArn.lastIndexOf(':') + 1);
  const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
  const command = new CreateTopicCommand({
    Name,
    ...(fifo && { Attributes: { FifoTopic: 'true' } }),
    ...(Tags.length > 0 && { Tags }),
  });
  signal.throwIfAborted();
  try {
    const { TopicArn } = await awsCall({
      doing: `Making topic ${topicArn}`,
      call: () => sns.send(command),
      onLate: () => {
        deleteTopic(sns, topicArn).catch(() => {}); // Nobody is left to tell.
      },
    });
    if (TopicArn === topicArn) return true;
    const text = `Option "sns" must be a client of the same account as "sqs": it made topic ${TopicArn ?? ''} where ${topicArn} was expected. Delete that if it was not there before.`;
    throw new AsyncMcpError('ERR_INVALID_OPTION', text, { details: { option: 'sns', topicArn: TopicArn } });
  } catch (error) {
    if (isAsyncMcpError(error, 'ERR_MESSAGE_INVALID') && (await topicExists(options))) return false;
    throw error;
  }
}

/** A topic that is gone is no failure (DeleteTopic). Its subscriptions go with it. */
async function deleteTopic(sns: SNSClient, topicArn: string): Promise<void> {
  await awsCall({
    doing: `Deleting topic ${topicArn}`,
    call: (abortSignal) => sns.send(new DeleteTopicCommand({ TopicArn: topicArn }), { abortSignal }),
  });
}
