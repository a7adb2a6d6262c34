import { objectOption } from '@asyncmcp/core';
import type { SNSClient } from '@aws-sdk/client-sns';

/**
 * Checks the option `sns`. By its method, not its class: the user's AWS SDK may be another copy than this package's.
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION`
 */
export function snsClientOption(value: SNSClient): SNSClient {
  return objectOption('sns', value, ['send']);
}
