import { GetSubscriptionAttributesCommand } from '@aws-sdk/client-sns';
import { AsyncMcpError, isAsyncMcpError, toAsyncMcpError } from '@asyncmcp/core';
import { awsCall } from '@asyncmcp/sqs';
import type { AsyncMcpErrorCode, Logger } from '@asyncmcp/core';
import type { SNSClient } from '@aws-sdk/client-sns';

export interface SubscriptionWatchOptions {
  readonly sns: SNSClient;
  readonly subscriptionArn: string;
  /** Milliseconds from one look to the next. */
  readonly intervalMs: number;
  readonly logger: Logger;
  /** The ARN of another subscription that took the place of one that is gone, if there is one. */
  readonly findAgain: () => Promise<string | undefined>;
  /** Told once, when the subscription is gone. */
  readonly onGone: (error: AsyncMcpError) => void;
}

/** Looks at a subscription now and then: SNS tells nobody when one is deleted, its queue is just silent. The result ends it. */
export function watchSubscription(options: SubscriptionWatchOptions): () => void {
  const { sns, intervalMs, logger } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  let { subscriptionArn } = options;
  let warned: AsyncMcpErrorCode | undefined;
  let timer = setTimeout(tick, intervalMs);

  function tick(): void {
    void look().then((gone) => {
      if (signal.aborted) return;
      if (gone === undefined) timer = setTimeout(tick, intervalMs);
      else options.onGone(gone);
    });
  }

  /** What says that the subscription is gone; undefined while it is there, or cannot be looked at. Never rejects. */
  async function look(): Promise<AsyncMcpError | undefined> {
    try {
      await ask();
      warned = undefined;
    } catch (error) {
      if (signal.aborted) return undefined;
      const failure = toAsyncMcpError(error, 'ERR_UNAVAILABLE', 'Looking at the subscription failed');
      if (failure.code === 'ERR_DESTINATION_GONE') return replaced(failure);
      warn(failure);
    }
    return undefined;
  }

  async function ask(): Promise<void> {
    await awsCall({
      doing: `Looking at subscription ${subscriptionArn}`,
      signal,
      call: (abortSignal) => {
        const command = new GetSubscriptionAttributesCommand({ SubscriptionArn: subscriptionArn });
        return sns.send(command, { abortSignal });
      },
    });
  }

  /** The queue may have been subscribed anew, by a deployment say. */
  async function replaced(failure: AsyncMcpError): Promise<AsyncMcpError | undefined> {
    const gone = subscriptionGone(`Subscription ${subscriptionArn} is gone: no reply can reach this client`, failure);
    try {
      const found = await options.findAgain();
      if (found === undefined || found === subscriptionArn) return gone;
      subscriptionArn = found;
      return undefined;
    } catch (error) {
      // It is gone; whether there is another could not be seen, and silence is what must not be.
      return isAsyncMcpError(error, 'ERR_UNAVAILABLE') ? undefined : gone;
    }
  }

  /** Credentials expire, and permissions are given: so it is looked at again whatever failed. */
  function warn(failure: AsyncMcpError): void {
    if (warned === failure.code) return;
    warned = failure.code;
    const text =
      'the subscription could not be looked at (sns:GetSubscriptionAttributes): its deletion may go unnoticed';
    try {
      logger.warn({ err: failure, subscriptionArn }, text);
    } catch {
      // The user's logger. There is nobody left to tell.
    }
  }

  return () => {
    stopping.abort();
    clearTimeout(timer);
  };
}

export function subscriptionGone(text: string, cause?: unknown): AsyncMcpError {
  return new AsyncMcpError(
    'ERR_SUBSCRIPTION_GONE',
    `${text}. Subscribe the queue again, then connect with a new transport.`,
    {
      ...(cause !== undefined && { cause }),
    },
  );
}
