import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { DuplicateWindow, isAsyncMcpError, isRecord } from '@asyncmcp/core';
import { awsCall } from './aws-call.js';
import type { Logger } from '@asyncmcp/core';
import type { SQSClient } from '@aws-sdk/client-sqs';

/** Largest message, and largest batch, of any queue: 1 MiB since August 2025 (SQS quotas), attributes included. */
export const MAX_MESSAGE_BYTES = 1_048_576;

/** Smallest MaximumMessageSize a queue can have (SetQueueAttributes): what is not larger fits into every queue. */
export const MIN_MESSAGE_LIMIT_BYTES = 1_024;

/** What a queue says about itself. */
export interface QueueFacts {
  /** Its ARN; unknown without permission to ask. */
  readonly queueArn?: string;
  /** Largest message, in bytes, attributes included. */
  readonly maximumMessageSize: number;
  /** Where the queue's redrive policy moves what is received too often. */
  readonly deadLetterTargetArn?: string;
  /** After how many receives it does. */
  readonly maxReceiveCount?: number;
}

/** What queues say about themselves, remembered. */
export interface QueueLimits {
  /**
   * The facts of a queue. Read once and kept for five minutes at most; callers that ask meanwhile share the call.
   *
   * @throws AsyncMcpError `ERR_DESTINATION_GONE` when there is no such queue, `ERR_UNAVAILABLE` when SQS cannot be reached
   */
  get(queueUrl: string): Promise<QueueFacts>;
}

/** Reads and remembers the limits of queues. Without permission to read them, the limits of SQS itself are assumed. */
export function createQueueLimits(sqs: SQSClient, logger: Logger): QueueLimits {
  let warned = false;

  async function ask(queueUrl: string): Promise<QueueFacts> {
    try {
      const { Attributes = {} } = await awsCall({
        doing: `Reading the limits of queue ${queueUrl}`,
        call: (abortSignal) =>
          sqs.send(
            new GetQueueAttributesCommand({
              QueueUrl: queueUrl,
              AttributeNames: ['QueueArn', 'MaximumMessageSize', 'RedrivePolicy'],
            }),
            { abortSignal },
          ),
      });
      return factsFrom(Attributes);
    } catch (error) {
      // Without credentials nothing else is going to work either: that is for whoever starts us to hear.
      if (!isAsyncMcpError(error, 'ERR_ACCESS_DENIED') || isWithoutCredentials(error.cause)) throw error;
      if (!warned) {
        warned = true;
        const sentence =
          'not allowed to read queue attributes (sqs:GetQueueAttributes): assuming 1 MiB and no dead-letter queue';
        logger.warn({ err: error, queueUrl }, sentence);
      }
      return { maximumMessageSize: MAX_MESSAGE_BYTES };
    }
  }

  return { get: cachedFacts(ask) };
}

/**
 * `ask`, remembered for up to five minutes. Callers that ask for the same while it is being asked share the call; failures are not
 * kept.
 */
export function cachedFacts<T>(ask: (address: string) => Promise<T>): (address: string) => Promise<T> {
  const known = new DuplicateWindow<T>({ maxEntries: 10_000, ttlMs: 300_000 });
  const asking = new Map<string, Promise<T>>();

  async function askAndKeep(address: string): Promise<T> {
    try {
      const facts = await ask(address);
      known.add(address, facts);
      return facts;
    } finally {
      asking.delete(address);
    }
  }

  return async (address) => {
    const facts = known.get(address);
    if (facts !== undefined) return facts;
    const asked = asking.get(address) ?? askAndKeep(address);
    asking.set(address, asked);
    return asked;
  };
}

function factsFrom(attributes: Partial<Record<string, string>>): QueueFacts {
  const size = Number(attributes['MaximumMessageSize']);
  const queueArn = attributes['QueueArn'];
  return {
    ...(queueArn !== undefined && { queueArn }),
    maximumMessageSize: Number.isSafeInteger(size) && size > 0 ? size : MAX_MESSAGE_BYTES,
    ...redriveFrom(attributes['RedrivePolicy']),
  };
}

function redriveFrom(redrivePolicy: string | undefined): Pick<QueueFacts, 'deadLetterTargetArn' | 'maxReceiveCount'> {
  if (redrivePolicy === undefined) return {};
  try {
    const policy: unknown = JSON.parse(redrivePolicy);
    if (!isRecord(policy)) return {};
    const { deadLetterTargetArn } = policy;
    // SQS gives it as a number; templates are known to write text.
    const maxReceiveCount = Number(policy['maxReceiveCount']);
    return {
      ...(typeof deadLetterTargetArn === 'string' && { deadLetterTargetArn }),
      ...(Number.isSafeInteger(maxReceiveCount) && maxReceiveCount > 0 && { maxReceiveCount }),
    };
  } catch {
    return {};
  }
}

/** Whether AWS was not asked at all, for want of credentials. */
function isWithoutCredentials(error: unknown): boolean {
  return error instanceof Error && /^(CredentialsProviderError|TokenProviderError)$/.test(error.name);
}
