import { AsyncMcpError, SessionHost, invalidOption } from '@asyncmcp/core';
import { createSqsConsumer } from './consumer.js';
import { createDeadLetter } from './dead-letter.js';
import { parseQueueUrl } from './queue-address.js';
import { createSqsSender } from './sender.js';
import type { CheckedServerOptions, ReplyPort, Sessions } from '@asyncmcp/core';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { QueueFacts, QueueLimits } from './queue-limits.js';

/** Options of {@link createQueueServer}. */
export interface QueueServerOptions {
  /** The AWS client. It is not destroyed. */
  readonly sqs: SQSClient;
  /** The queue that requests come from. */
  readonly requestQueueUrl: string;
  /**
   * A queue of this very process for the answers to its servers' own requests, and the address that clients send them to. Default: the
   * request queue.
   */
  readonly answers?: { readonly queueUrl: string; readonly address: string } | undefined;
  /** Where what can never be handled goes; undefined: where the queue's redrive policy says. */
  readonly deadLetterQueueUrl: string | undefined;
  /** Longest long poll, in seconds, 1 to 20. */
  readonly waitTimeSeconds: number;
  /** Lease of a message, in seconds; renewed at a third of it. */
  readonly visibilityTimeoutSeconds: number;
  /** Of the queues of this server. */
  readonly limits: QueueLimits;
  /** What all servers have in common, with defaults filled in. */
  readonly host: CheckedServerOptions;
  /** The way replies leave. */
  readonly replyPort: ReplyPort;
  /** Told of every failure that a user should know of. */
  readonly onerror: (error: AsyncMcpError) => void;
  /** What else is to be done before a start; it may fail, and is done again then. Default: nothing. */
  readonly prepare?: (() => Promise<void>) | undefined;
  /** Closes what sends the replies. Resolves when nothing is under way. */
  readonly closeReplies: () => Promise<void>;
}

/** A server that takes requests from SQS queues, wherever its replies go. */
export interface QueueServer {
  /** The sessions live in this process. */
  readonly sessions: Sessions;
  /**
   * Begins to take requests.
   *
   * @throws AsyncMcpError `ERR_ALREADY_STARTED`, `ERR_CLOSED`, `ERR_INVALID_OPTION` when the redrive policy moves dead letters to
   *   the queue for answers, `ERR_DESTINATION_GONE` when there is no such queue, `ERR_UNAVAILABLE` when SQS cannot be reached;
   *   after these two it may be started again
   */
  start(): Promise<void>;
  /**
   * Takes no more requests (at once, even during a long poll), lets running calls finish for up to `drainTimeoutMs`,
   * returns the rest to the queue, and frees everything. Idempotent; never rejects.
   */
  close(): Promise<void>;
}

/**
 * Room for messages beyond the running calls, so that answers and cancellations come in while all of `concurrency` is
 * taken, but only until as many requests wait in it for a slot: SQS gives out what it likes, and then nothing comes in until a call
 * ends. To give those requests back would raise their receive count, which is all that other servers and the redrive policy
 * know of attempts. One batch: more would keep requests from other servers that have time for them.
 */
const HEADROOM = 10;

/**
 * How often a message may be received beyond `maxAttempts`: the answer to a server's own request is handed on between
 * servers up to 25 times. SQS answers nobody when its redrive policy moves a message away.
 */
const RECEIVES_BEYOND_ATTEMPTS = 27;

/**
 * A server that takes nothing before its `start()`.
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION` when dead letters would go to the queue for answers
 */
export function createQueueServer(options: QueueServerOptions): QueueServer {
  const { sqs, requestQueueUrl, answers, deadLetterQueueUrl, limits, onerror } = options;
  const { waitTimeSeconds, visibilityTimeoutSeconds } = options;
  const { logger, signal, concurrency } = options.host;
  if (answers !== undefined && answers.queueUrl === deadLetterQueueUrl) {
    throw invalidOption('answerQueueUrl', answers.queueUrl, 'another queue than deadLetterQueueUrl');
  }
  const host = new SessionHost({
    ...options.host,
    onerror,
    replyPort: options.replyPort,
    answerAddress: answers?.address,
  });
  const deadLetterSender = createSqsSender({ sqs, limits, logger, messageAttributes: {}, controlGroup: false });
  const queues = [requestQueueUrl, ...(answers === undefined ? [] : [answers.queueUrl])];
  const consumers = queues.map((queueUrl) =>
    createSqsConsumer({
      sqs,
      queueUrl,
      waitTimeSeconds,
      visibilityTimeoutSeconds,
      logger,
      onerror: reportFailure,
      limit: concurrency + HEADROOM,
      deadLetter: createDeadLetter({ sqs, sender: deadLetterSender, limits, queueUrl, deadLetterQueueUrl, logger }),
      handle: (delivery) => host.receive(delivery),
    }),
  );
  /** As the host does with what it reports. */
  function reportFailure(error: AsyncMcpError): void {
    logger.error({ err: error }, error.message);
    onerror(error);
  }

  const onAbort = (): void => void close();
  let state: 'new' | 'starting' | 'started' | 'closed' = 'new';
  let closing: Promise<void> | undefined;

  async function start(): Promise<void> {
    if (state === 'closed' || isAborted(signal)) throw closed();
    if (state !== 'new') throw new AsyncMcpError('ERR_ALREADY_STARTED', 'This server was started already.');
    state = 'starting';
    try {
      const facts = await limits.get(requestQueueUrl);
      await refuseAnswersAmongDeadLetters(facts);
      warnOf(facts);
      await options.prepare?.();
    } catch (error) {
      if (closing === undefined) state = 'new';
      throw error;
    }
    // Either may have come meanwhile.
    if (isAborted(signal)) void close();
    if (closing !== undefined) throw closed();
    signal?.addEventListener('abort', onAbort, { once: true });
    host.start();
    for (const consumer of consumers) consumer.start();
    state = 'started';
  }

  /** What is dead-lettered would be received as a new message, and dead-lettered again, as fast as SQS can. */
  async function refuseAnswersAmongDeadLetters({ deadLetterTargetArn }: QueueFacts): Promise<void> {
    if (answers === undefined || deadLetterTargetArn === undefined) return;
    const name = parseQueueUrl(answers.queueUrl)?.name;
    // Another account's or region's queue may have the same name.
    if (name === undefined || !deadLetterTargetArn.endsWith(`:${name}`)) return;
    const { queueArn = deadLetterTargetArn } = await limits.get(answers.queueUrl);
    if (queueArn !== deadLetterTargetArn) return;
    const allowed = 'another queue than that to which the redrive policy of the request queue moves dead letters';
    throw invalidOption('answerQueueUrl', answers.queueUrl, allowed);
  }

  function warnOf({ deadLetterTargetArn, maxReceiveCount }: QueueFacts): void {
    const facts = { queueUrl: requestQueueUrl };
    if (deadLetterTargetArn === undefined && deadLetterQueueUrl === undefined) {
      logger.warn(facts, 'no dead-letter queue: what can never be handled is logged and dropped');
    }
    const wanted = options.host.maxAttempts + RECEIVES_BEYOND_ATTEMPTS;
    if (maxReceiveCount !== undefined && maxReceiveCount < wanted) {
      const text = `the redrive policy moves a message away after ${maxReceiveCount} receives: that may be before its caller is answered; use ${wanted} or more`;
      logger.warn({ ...facts, maxReceiveCount }, text);
    }
  }

  function close(): Promise<void> {
    return (closing ??= shutDown());
  }

  async function shutDown(): Promise<void> {
    state = 'closed';
    signal?.removeEventListener('abort', onAbort);
    await Promise.all(consumers.map((consumer) => consumer.stopPolling()));
    // The consumers still renew the leases of what is being finished.
    await host.close();
    await Promise.all(consumers.map((consumer) => consumer.close()));
    await Promise.all([deadLetterSender.close(), options.closeReplies()]);
  }

  return {
    sessions: host,
    start,
    close,
  };
}

/** A function, because the compiler takes the answer before an await for the one after it. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

function closed(): AsyncMcpError {
  return new AsyncMcpError('ERR_CLOSED', 'This server is closed; make a new one.');
}
