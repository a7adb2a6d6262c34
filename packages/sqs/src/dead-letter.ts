import { GetQueueUrlCommand } from '@aws-sdk/client-sqs';
import { AsyncMcpError } from '@asyncmcp/core';
import { awsCall } from './aws-call.js';
import { MAX_ATTRIBUTES, messageSize } from './message-attributes.js';
import type { Logger } from '@asyncmcp/core';
import type { Message, MessageAttributeValue, SQSClient } from '@aws-sdk/client-sqs';
import type { MessageAttributes } from './message-attributes.js';
import type { QueueLimits } from './queue-limits.js';
import type { Sender } from './sender.js';

/** The attribute that says why a message is in the dead-letter queue. */
const REASON_ATTRIBUTE = 'DeadLetterReason';

/** Longest reason, in characters. */
const MAX_REASON_LENGTH = 512;

export interface DeadLetterOptions {
  readonly sqs: SQSClient;
  readonly sender: Pick<Sender, 'send'>;
  readonly limits: QueueLimits;
  /** The queue whose messages are moved. */
  readonly queueUrl: string;
  /** Where to. Default: the target of the queue's redrive policy. */
  readonly deadLetterQueueUrl?: string | undefined;
  readonly logger: Logger;
}

/** The way into the dead-letter queue of one queue. */
export interface DeadLetter {
  /**
   * Copies a message to the dead-letter queue, with its attributes and the reason. Resolves with false when there is no such
   * queue. The original is the caller's to delete.
   *
   * @throws AsyncMcpError as the sender does, when the copy could not be written
   */
  send(message: Message, reason: string, signal?: AbortSignal): Promise<boolean>;
}

export function createDeadLetter(options: DeadLetterOptions): DeadLetter {
  const { sqs, sender, limits, queueUrl, logger } = options;
  let resolved: { arn: string; url: string } | undefined;

  async function destination(): Promise<string | undefined> {
    if (options.deadLetterQueueUrl !== undefined) return options.deadLetterQueueUrl;
    const { deadLetterTargetArn: arn } = await limits.get(queueUrl);
    if (arn === undefined) return undefined;
    if (resolved?.arn !== arn) resolved = { arn, url: await resolveQueueUrl(sqs, arn) };
    return resolved.url;
  }

  return {
    async send(message, reason, signal) {
      const url = await destination();
      if (url === undefined) return false;
      const { maximumMessageSize } = await limits.get(url);
      await sender.send(url, copyOf(message, reason, maximumMessageSize), signal);
      logger.info({ queueUrl, deadLetterQueueUrl: url, messageId: message.MessageId, reason }, 'message dead-lettered');
      return true;
    },
  };
}

/** The copy of a message as it is sent. The reason is left out where it does not fit: the message matters more. */
function copyOf(message: Message, reason: string, maximumMessageSize: number): Parameters<Sender['send']>[1] {
  const { Body: body = '', MessageId: deduplicationId } = message;
  const original = copyAttributes(message.MessageAttributes ?? {});
  const explained: MessageAttributes = {
    ...original,
    [REASON_ATTRIBUTE]: { DataType: 'String', StringValue: attributeText(reason) },
  };
  const fits = Object.keys(explained).length <= MAX_ATTRIBUTES && messageSize(body, explained) <= maximumMessageSize;
  const attributes = fits ? explained : original;
  return { body, attributes, groupId: message.Attributes?.MessageGroupId, deduplicationId };
}

/** The members that sending takes: a received attribute has others, which SQS refuses. */
function copyAttributes(attributes: MessageAttributes): MessageAttributes {
  return Object.fromEntries(
    Object.entries(attributes).map(
      ([name, { DataType, StringValue, BinaryValue }]): [string, MessageAttributeValue] => [
        name,
        {
          DataType,
          ...(StringValue !== undefined && { StringValue }),
          ...(BinaryValue !== undefined && { BinaryValue }),
        },
      ],
    ),
  );
}

/** SQS refuses empty values and most control characters. */
function attributeText(reason: string): string {
  const text = reason.slice(0, MAX_REASON_LENGTH).replace(/[\p{Cc}\p{Cs}\ufffe\uffff]/gu, ' ');
  return text.trim() === '' ? 'unknown' : text;
}

async function resolveQueueUrl(sqs: SQSClient, arn: string): Promise<string> {
  // arn:aws:sqs:<region>:<account>:<name>
  const [, , , , account, name] = arn.split(':');
  const doing = `Looking up the dead-letter queue ${arn}`;
  const { QueueUrl } = await awsCall({
    doing,
    call: (abortSignal) =>
      sqs.send(new GetQueueUrlCommand({ QueueName: name, QueueOwnerAWSAccountId: account }), { abortSignal }),
  });
  if (QueueUrl !== undefined) return QueueUrl;
  throw new AsyncMcpError('ERR_DESTINATION_GONE', `${doing} failed: SQS gave no address for it.`, { details: { arn } });
}
