import { GetTopicAttributesCommand } from '@aws-sdk/client-sns';
import { isAsyncMcpError } from '@asyncmcp/core';
import { awsCall, cachedFacts } from '@asyncmcp/sqs';
import type { Logger } from '@asyncmcp/core';
import type { SNSClient } from '@aws-sdk/client-sns';

/** Largest message of a topic whose MaximumMessageSize nobody changed, attributes included: 256 KiB (SetTopicAttributes). */
const DEFAULT_MAX_BYTES = 262_144;

/**
 * Reads and remembers what topics take: the result resolves with the largest message of a topic, in bytes. Without permission
 * to read it (sns:GetTopicAttributes), the default is assumed.
 *
 * @throws AsyncMcpError `ERR_DESTINATION_GONE` when there is no such topic, `ERR_UNAVAILABLE` when SNS cannot be reached
 */
export function createTopicLimits(sns: SNSClient, logger: Logger): (topicArn: string) => Promise<number> {
  let warned = false;
  return cachedFacts(async (topicArn) => {
    try {
      const { Attributes = {} } = await awsCall({
        doing: `Reading the limits of topic ${topicArn}`,
        call: (abortSignal) => sns.send(new GetTopicAttributesCommand({ TopicArn: topicArn }), { abortSignal }),
      });
      const size = Number(Attributes['MaximumMessageSize']);
      return Number.isSafeInteger(size) && size > 0 ? size : DEFAULT_MAX_BYTES;
    } catch (error) {
      if (!isAsyncMcpError(error, 'ERR_ACCESS_DENIED')) throw error;
      if (!warned) logger.warn({ err: error, topicArn }, 'not allowed to read topic attributes: assuming 256 KiB');
      warned = true;
      return DEFAULT_MAX_BYTES;
    }
  });
}
