import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { backoffDelay, toAsyncMcpError } from '@asyncmcp/core';
import { API_TIMEOUT_MS, awsCall, createSharedAbort } from './aws-call.js';
import { createMiddlewareOrder } from './middleware-order.js';
import { countPoller } from './socket-use.js';
import type { AsyncMcpError, AsyncMcpErrorCode, Logger } from '@asyncmcp/core';
import type { Message, SQSClient } from '@aws-sdk/client-sqs';
import type { AwsCall } from './aws-call.js';

/** Most messages that one call receives (ReceiveMessage). */
const MAX_BATCH = 10;

/** Longest pause after failed polls, in milliseconds. */
const MAX_PAUSE_MS = 5_000;

/** How long giving way takes, in milliseconds; chance decides between the two, or two who do it would stay in step. */
const GIVE_WAY_MS = { min: 20, max: 120 };

/** An empty answer within this many milliseconds is no long poll: asking again at once would go round in circles. */
const EMPTY_TOO_SOON_MS = 50;

export interface PollerOptions {
  readonly sqs: SQSClient;
  readonly queueUrl: string;
  readonly waitTimeSeconds: number;
  readonly visibilityTimeoutSeconds: number;
  readonly logger: Logger;
  /** How many messages may be received now; none are asked for at 0 or less. */
  readonly room: () => number;
  /** Takes what was received, also what arrives after `stop()`. */
  readonly onMessages: (messages: readonly Message[]) => void;
  /** Told of the first of several failures in a row, and when the kind of failure changes. */
  readonly onError: (error: AsyncMcpError) => void;
}

export interface Poller {
  start(): void;
  /** Looks again whether there is room. */
  wake(): void;
  /** Lets others who poll the same queue go first: the next poll begins a little later. */
  giveWay(): void;
  /** Aborts the long poll at once; resolves when no more will be asked for. Idempotent. */
  stop(): Promise<void>;
}

/** Polls a queue, one long poll at a time, until it is stopped: no failure ends it. */
export function createPoller(options: PollerOptions): Poller {
  const { queueUrl, logger } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  const sharedAbort = createSharedAbort();
  const prepare = createMiddlewareOrder();
  let loop: Promise<void> = Promise.resolve();
  let wakeUp = (): void => {};
  let failures = 0;
  let reported: AsyncMcpErrorCode | undefined;
  let emptyTooSoon = 0;
  let givesWay = false;

  async function run(): Promise<void> {
    while (!signal.aborted) {
      const room = Math.min(MAX_BATCH, options.room());
      if (givesWay) await letOthersGoFirst();
      else if (room > 0) await poll(room);
      else await woken();
    }
  }

  async function letOthersGoFirst(): Promise<void> {
    givesWay = false;
    const { min, max } = GIVE_WAY_MS;
    // Rejects when stopped; the loop sees that itself.
    await sleep(min + Math.random() * (max - min), undefined, { signal }).catch(() => {});
  }

  function woken(): Promise<void> {
    return new Promise((resolve) => {
      wakeUp = resolve;
    });
  }

  async function poll(room: number): Promise<void> {
    const startedAt = Date.now();
    try {
      const messages = await receive(options, prepare(receiveCommand(options, room)), { signal, sharedAbort });
      if (failures > 0) logger.info({ queueUrl, failures }, 'polling works again');
      failures = 0;
      reported = undefined;
      options.onMessages(messages);
      // What they lead to at once, a reply or the next call, goes out first: making a poll takes a good part of a millisecond.
      if (messages.length > 0) await turn();
      const tooSoon = messages.length === 0 && Date.now() - startedAt < EMPTY_TOO_SOON_MS;
      emptyTooSoon = tooSoon ? emptyTooSoon + 1 : 0;
      if (tooSoon) await pause(emptyTooSoon);
    } catch (error) {
      if (!signal.aborted) await failed(error);
    }
  }

  async function failed(cause: unknown): Promise<void> {
    failures += 1;
    const error = toAsyncMcpError(cause, 'ERR_INTERNAL', `Polling queue ${queueUrl} failed`);
    if (error.code === reported) logger.debug({ err: error, queueUrl, failures }, 'polling failed again');
    else options.onError(error);
    reported = error.code;
    await pause(failures);
  }

  async function pause(times: number): Promise<void> {
    const delayMs = backoffDelay(times, { maxMs: MAX_PAUSE_MS });
    // Rejects when stopped; the loop sees that itself.
    await sleep(delayMs, undefined, { signal }).catch(() => {});
  }

  return {
    start() {
      loop = run().finally(countPoller(options.sqs, queueUrl, logger));
    },
    wake: () => wakeUp(),
    giveWay() {
      givesWay = true;
    },
    stop() {
      stopping.abort();
      wakeUp();
      return loop;
    },
  };
}

function receiveCommand(options: PollerOptions, room: number): ReceiveMessageCommand {
  return new ReceiveMessageCommand({
    QueueUrl: options.queueUrl,
    MaxNumberOfMessages: room,
    WaitTimeSeconds: options.waitTimeSeconds,
    VisibilityTimeout: options.visibilityTimeoutSeconds,
    MessageAttributeNames: ['All'],
    MessageSystemAttributeNames: ['ApproximateReceiveCount', 'MessageGroupId'],
  });
}

async function receive(
  options: PollerOptions,
  command: ReceiveMessageCommand,
  aborts: Pick<AwsCall<unknown>, 'signal' | 'sharedAbort'>,
): Promise<readonly Message[]> {
  const { sqs, queueUrl, waitTimeSeconds, onMessages } = options;
  const { Messages = [] } = await awsCall({
    doing: `Polling queue ${queueUrl}`,
    timeoutMs: waitTimeSeconds * 1_000 + API_TIMEOUT_MS,
    ...aborts,
    call: (abortSignal) => sqs.send(command, { abortSignal }),
    onLate: (late) => onMessages(late.Messages ?? []),
  });
  return Messages;
}
