import { AsyncMcpError, isAsyncMcpError, retry, toAsyncMcpError } from '@asyncmcp/core';
import {
  SqsResponseReceiver,
  createQueueLimits,
  createReplyChannel,
  createTemporaryQueue,
  deleteTemporaryQueue,
  withTeardown,
} from '@asyncmcp/sqs';
import { topicStatement, withStatement } from './queue-policy.js';
import { subscribeQueue } from './subscribe-queue.js';
import { subscriptionGone, watchSubscription } from './subscription-watch.js';
import { findSubscription, unsubscribe } from './subscription.js';
import type { ClientWireEvents, Logger } from '@asyncmcp/core';
import type { ReplyChannel, Teardown } from '@asyncmcp/sqs';
import type { SNSClient } from '@aws-sdk/client-sns';
import type { SQSClient } from '@aws-sdk/client-sqs';

export interface TopicReplyOptions {
  readonly sns: SNSClient;
  readonly sqs: SQSClient;
  readonly responseTopicArn: string;
  readonly logger: Logger;
  /** Milliseconds from one look at the subscription to the next. */
  readonly subscriptionCheckMs: number;
}

/** A subscription that was just made may take a moment to be listed, in milliseconds. */
const LISTED_WITHIN_MS = 5_000;

/** Receives through a receiver whose queue is subscribed to the response topic. */
export function createTopicReplyChannel(
  receiver: SqsResponseReceiver,
  options: TopicReplyOptions & { readonly subscriptionArn: string | undefined },
): ReplyChannel {
  const { sns, sqs, responseTopicArn, logger } = options;
  const channel = createReplyChannel(receiver, { copies: true });
  const closing = new AbortController();
  const { signal } = closing;
  let queueArn: string | undefined;
  let stopWatching = (): void => {};

  async function open(events: ClientWireEvents): Promise<string> {
    await channel.open(events);
    const subscriptionArn = options.subscriptionArn ?? (await findSoon());
    if (subscriptionArn !== undefined && !signal.aborted) {
      const { subscriptionCheckMs: intervalMs } = options;
      const onGone = (error: AsyncMcpError): void => events.lost(error);
      stopWatching = watchSubscription({ sns, logger, subscriptionArn, intervalMs, findAgain: find, onGone });
    }
    return responseTopicArn;
  }

  async function find(): Promise<string | undefined> {
    queueArn ??= (await createQueueLimits(sqs, logger).get(receiver.responseQueueUrl)).queueArn;
    if (queueArn === undefined) return undefined;
    return findSubscription({ sns, topicArn: responseTopicArn, queueArn, signal });
  }

  /** Undefined where we are not allowed to look. */
  async function findSoon(): Promise<string | undefined> {
    const queueUrl = receiver.responseQueueUrl;
    const look = async (): Promise<string | undefined> => {
      const found = await find();
      if (found !== undefined || queueArn === undefined) return found;
      throw subscriptionGone(`Queue ${queueUrl} is not subscribed to topic ${responseTopicArn}`);
    };
    const isTransient = (error: unknown): boolean => isAsyncMcpError(error, 'ERR_SUBSCRIPTION_GONE');
    try {
      return await retry(look, { forMs: LISTED_WITHIN_MS, maxMs: 1_000, signal, isTransient });
    } catch (error) {
      if (!isAsyncMcpError(error, 'ERR_ACCESS_DENIED')) throw error;
      const facts = { err: error, queueUrl, topicArn: responseTopicArn };
      logger.warn(facts, 'not allowed to list subscriptions: the deletion of ours will not be noticed');
      return undefined;
    }
  }

  async function close(): Promise<void> {
    closing.abort(closedWhileStarting());
    stopWatching();
    await channel.close();
  }

  return {
    async open(events) {
      try {
        return await open(events);
      } catch (error) {
        await close();
        throw error;
      }
    },
    close,
  };
}

/** Receives through a queue of its own, made and subscribed on open, and both removed on close. */
export function createTemporaryTopicReplyChannel(
  options: TopicReplyOptions & {
    /** Only what is for this client, or for all, gets into the queue. */
    readonly clientId: string;
    readonly fifo: boolean;
    readonly timing: { readonly waitTimeSeconds: number; readonly visibilityTimeoutSeconds: number };
  },
): ReplyChannel {
  const { sns, sqs, responseTopicArn, clientId, logger } = options;
  const closing = new AbortController();
  const { signal } = closing;
  let opened: Promise<Teardown> | undefined;
  let events: ClientWireEvents | undefined;

  function make(clientEvents: ClientWireEvents): Promise<Teardown> {
    return withTeardown(async (log) => {
      const queueUrl = await createTemporaryQueue(sqs, signal, {
        fifo: options.fifo,
        policy: (name) => policyFor(responseTopicArn, name),
      });
      log.add({ what: `queue ${queueUrl}`, made: true, undo: () => deleteTemporaryQueue(sqs, queueUrl) });
      const subscribed = { sns, sqs, topicArn: responseTopicArn, queueUrl, clientId, fresh: true, signal };
      const { subscriptionArn } = await subscribeQueue(subscribed);
      const undo = (): Promise<void> => unsubscribe({ sns, subscriptionArn });
      log.add({ what: `subscription ${subscriptionArn}`, made: true, undo });
      const receiver = new SqsResponseReceiver({ sqs, logger, responseQueueUrl: queueUrl, ...options.timing });
      const channel = createTopicReplyChannel(receiver, { ...options, subscriptionArn });
      log.add({ what: `the polling of queue ${queueUrl}`, made: true, undo: () => channel.close() });
      await channel.open(clientEvents);
      signal.throwIfAborted();
      return {};
    });
  }

  return {
    async open(clientEvents) {
      events = clientEvents;
      opened = make(clientEvents);
      await opened;
      return responseTopicArn;
    },
    async close() {
      closing.abort(closedWhileStarting());
      const topology = await opened?.catch(() => undefined); // open() has told its caller.
      try {
        await topology?.teardown();
      } catch (error) {
        events?.failed(
          toAsyncMcpError(error, 'ERR_UNAVAILABLE', 'The temporary queue or subscription was left behind'),
        );
      }
    },
  };
}

/**
 * By which the topic may send to a queue of its account and region. If the queue is to be in another, its subscribing finds the
 * statement wrong, and mends it.
 */
function policyFor(topicArn: string, queueName: string): string {
  const [arn, partition, , region, account] = topicArn.split(':');
  const queueArn = [arn, partition, 'sqs', region, account, queueName].join(':');
  return withStatement(undefined, topicStatement(topicArn, queueArn)) ?? '';
}

function closedWhileStarting(): AsyncMcpError {
  return new AsyncMcpError('ERR_CLOSED', 'The transport was closed while it was being started.');
}
