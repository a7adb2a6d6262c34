import {
  booleanOption,
  integerOption,
  invalidOption,
  isRecord,
  loggerOption,
  objectOption,
  silentLogger,
} from '@asyncmcp/core';
import { sqsClientOption } from './common-options.js';
import { resourceNameOption, withSuffix } from './resource-name.js';
import type { Logger } from '@asyncmcp/core';
import type { QueueAttributeName, SQSClient } from '@aws-sdk/client-sqs';

/** Options of {@link provisionSqs}. */
export interface SqsProvisionOptions {
  /** The AWS client, with its region, credentials and endpoint. It is not destroyed. */
  readonly sqs: SQSClient;
  /** The queue that clients send to: up to 80 letters, digits, - and _. */
  readonly requestQueueName: string;
  /** A client's queue for replies. Default: none. */
  readonly responseQueueName?: string | undefined;
  /** The dead-letter queue of the request queue; false for none. Default: the request queue's name and `-dlq`. */
  readonly deadLetterQueueName?: string | false | undefined;
  /** Whether the queues are FIFO. Their names then get `.fifo` where it is missing. Default false. */
  readonly fifo?: boolean | undefined;
  /**
   * After how many receives SQS moves a message to the dead-letter queue, 1 to 1,000. A server answers what it gives up, SQS
   * does not: leave the server its `maxAttempts` and 27 more, for answers handed on between servers. Default 30.
   */
  readonly maxReceiveCount?: number | undefined;
  /** Visibility timeout of the queues that are made, in seconds, 0 to 43,200; servers and clients set their own. Default 30. */
  readonly visibilityTimeoutSeconds?: number | undefined;
  /** How long the queues that are made keep a message, in seconds, 60 to 1,209,600 (dead letters: 14 days). Default 4 days. */
  readonly messageRetentionSeconds?: number | undefined;
  /** Tags of what is made. Default: none. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /** Aborting it ends the call, which then removes what it made and rejects with the signal's reason. Default: none. */
  readonly signal?: AbortSignal | undefined;
  /** pino-compatible. Default: silent. */
  readonly logger?: Logger | undefined;
}

/** The names of {@link SqsProvisionOptions}, for the check against misspelt options. */
export const SQS_PROVISION_OPTION_NAMES: readonly (keyof SqsProvisionOptions)[] = [
  'sqs',
  'requestQueueName',
  'responseQueueName',
  'deadLetterQueueName',
  'fifo',
  'maxReceiveCount',
  'visibilityTimeoutSeconds',
  'messageRetentionSeconds',
  'tags',
  'signal',
  'logger',
];

/** Longest name of a queue, `.fifo` included (CreateQueue). */
const MAX_QUEUE_NAME_LENGTH = 80;

/** What {@link checkSqsProvisionOptions} returns: names in full, defaults filled in. */
export interface CheckedSqsProvisionOptions {
  /** The AWS client. It is not destroyed. */
  readonly sqs: SQSClient;
  /** The queue that clients send to, by its full name. */
  readonly requestQueueName: string;
  /** A client's queue for replies, by its full name; undefined: none. */
  readonly responseQueueName: string | undefined;
  /** The dead-letter queue of the request queue, by its full name; undefined: none. */
  readonly deadLetterQueueName: string | undefined;
  /** Whether the queues are FIFO. */
  readonly fifo: boolean;
  /** After how many receives SQS dead-letters a message by itself. */
  readonly maxReceiveCount: number;
  /** Attributes of the queues that are made. */
  readonly attributes: Partial<Record<QueueAttributeName, string>>;
  /** Tags of what is made. */
  readonly tags: Readonly<Record<string, string>>;
  /** Aborting it ends the call. */
  readonly signal: AbortSignal;
  /** pino-compatible. */
  readonly logger: Logger;
}

/**
 * Checks the options of a provisioning call and fills in the defaults.
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION`
 */
export function checkSqsProvisionOptions(options: SqsProvisionOptions): CheckedSqsProvisionOptions {
  const fifo = booleanOption('fifo', options.fifo, false);
  return {
    sqs: sqsClientOption(options.sqs),
    ...checkNames(options, fifo),
    fifo,
    maxReceiveCount: integerOption('maxReceiveCount', options.maxReceiveCount, { min: 1, max: 1000, fallback: 30 }),
    attributes: {
      ...(fifo && { FifoQueue: 'true' }),
      VisibilityTimeout: secondsOption('visibilityTimeoutSeconds', options.visibilityTimeoutSeconds, [0, 43_200], 30),
      MessageRetentionPeriod: secondsOption(
        'messageRetentionSeconds',
        options.messageRetentionSeconds,
        [60, 1_209_600],
        345_600,
      ),
    },
    tags: tagsOption(options.tags),
    signal:
      options.signal === undefined
        ? new AbortController().signal
        : objectOption('signal', options.signal, ['addEventListener', 'removeEventListener']),
    logger: loggerOption(options.logger, silentLogger),
  };
}

type Names = Pick<CheckedSqsProvisionOptions, 'requestQueueName' | 'responseQueueName' | 'deadLetterQueueName'>;

function checkNames(options: SqsProvisionOptions, fifo: boolean): Names {
  const rules = { maxLength: MAX_QUEUE_NAME_LENGTH, fifo };
  const requestQueueName = resourceNameOption('requestQueueName', options.requestQueueName, rules);
  const responseQueueName =
    options.responseQueueName === undefined
      ? undefined
      : resourceNameOption('responseQueueName', options.responseQueueName, rules);
  if (responseQueueName === requestQueueName) {
    throw invalidOption('responseQueueName', responseQueueName, 'another queue than requestQueueName');
  }
  if (options.deadLetterQueueName === false)
    return { requestQueueName, responseQueueName, deadLetterQueueName: undefined };
  const wanted = options.deadLetterQueueName ?? withSuffix(requestQueueName, '-dlq', fifo);
  const deadLetterQueueName = resourceNameOption('deadLetterQueueName', wanted, rules);
  if (deadLetterQueueName === requestQueueName || deadLetterQueueName === responseQueueName) {
    throw invalidOption('deadLetterQueueName', deadLetterQueueName, 'another queue than the other two');
  }
  return { requestQueueName, responseQueueName, deadLetterQueueName };
}

/** As SQS takes it, which is as text. */
function secondsOption(name: string, value: unknown, [min, max]: readonly [number, number], fallback: number): string {
  return String(integerOption(name, value, { min, max, fallback, unit: 'seconds' }));
}

function tagsOption(value: Readonly<Record<string, string>> | undefined): Readonly<Record<string, string>> {
  if (value === undefined) return {};
  if (isRecord(value) && Object.values(value).every((text) => typeof text === 'string')) return { ...value };
  throw invalidOption('tags', value, 'an object whose values are strings');
}
