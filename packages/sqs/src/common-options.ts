import { AsyncMcpError, integerOption, objectOption } from '@asyncmcp/core';
import type { SQSClient } from '@aws-sdk/client-sqs';

/**
 * Checks the option `sqs`. By its method, not its class: the user's AWS SDK may be another copy than this package's.
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION`
 */
export function sqsClientOption(value: SQSClient): SQSClient {
  return objectOption('sqs', value, ['send']);
}

/** The options both ends of the wire have for receiving. */
export interface TimingOptions {
  /** Longest long poll, in seconds, 1 to 20 (the limit of SQS). Default 20. */
  readonly waitTimeSeconds?: number | undefined;
  /** For how long, in seconds, a received message is invisible to others, 2 to 43,200. Default 30. */
  readonly visibilityTimeoutSeconds?: number | undefined;
}

/**
 * Checks the options both ends of the wire have for receiving, and fills in the defaults.
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION`
 */
export function timingOptions(options: TimingOptions): { waitTimeSeconds: number; visibilityTimeoutSeconds: number } {
  const seconds = { unit: 'seconds' };
  return {
    waitTimeSeconds: integerOption('waitTimeSeconds', options.waitTimeSeconds, {
      min: 1,
      max: 20,
      fallback: 20,
      ...seconds,
    }),
    visibilityTimeoutSeconds: integerOption('visibilityTimeoutSeconds', options.visibilityTimeoutSeconds, {
      min: 2,
      max: 43_200,
      fallback: 30,
      ...seconds,
    }),
  };
}

/**
 * Refuses the options for receiving beside a receiver of the user's, which polls with its own.
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION`
 */
export function noTimingBesideReceiver(options: TimingOptions): void {
  for (const option of ['waitTimeSeconds', 'visibilityTimeoutSeconds'] as const) {
    if (options[option] === undefined) continue;
    const text = `Give "${option}" to the SqsResponseReceiver: with "receiver" it is that one which polls.`;
    throw new AsyncMcpError('ERR_INVALID_OPTION', text, { details: { option } });
  }
}
