import { GetSubscriptionAttributesCommand } from '@aws-sdk/client-sns';
import { AsyncMcpError, isAsyncMcpError } from '@asyncmcp/core';
import { awsCall } from '@asyncmcp/sqs';
import type { Logger } from '@asyncmcp/core';
import type { SNSClient } from '@aws-sdk/client-sns';

export interface SubscriptionWatchOptions {
  readonly sns: SNSClient;
  readonly subscriptionArn: string;
  /** Milliseconds from one look to the next. */
  readonly intervalMs: number;
  readonly logger: Logger;
  /** Told once, when the subscription is gone. */
  readonly onGone: (error: AsyncMcpError) => void;
}

/** Looks at a subscription now and then: SNS tells nobody when one is deleted, its queue is just silent. The result ends it. */
export function watchSubscription(options: SubscriptionWatchOptions): () => void {
  const { sns, subscriptionArn, intervalMs, logger, onGone } = options;
  const stopping = new AbortController();
  let timer = setTimeout(tick, intervalMs);

  function tick(): void {
    void look().then((again) => {
      if (again && !stopping.signal.aborted) timer = setTimeout(tick, intervalMs);
    });
  }

  /** Whether to look again. */
  async function look(): Promise<boolean> {
    try {
      await awsCall({
        doing: `Looking at subscription ${subscriptionArn}`,
        signal: stopping.signal,
        call: (abortSignal) => {
          const command = new GetSubscriptionAttributesCommand({ SubscriptionArn: subscriptionArn });
          return sns.send(command, { abortSignal });
        },
      });
      return true;
    } catch (error) {
      return !stopping.signal.aborted && goesOn(error);
    }
  }

  function goesOn(error: unknown): boolean {
    if (isAsyncMcpError(error, 'ERR_DESTINATION_GONE')) {
      onGone(subscriptionGone(`Subscription ${subscriptionArn} is gone: no reply can reach this client`, error));
      return false;
    }
    const denied = isAsyncMcpError(error, 'ERR_ACCESS_DENIED');
    const text = denied
      ? 'not allowed to look at the subscription (sns:GetSubscriptionAttributes): its deletion will not be noticed'
      : 'looking at the subscription failed, trying again later';
    logger.warn({ err: error, subscriptionArn }, text);
    return !denied;
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
