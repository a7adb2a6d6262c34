import { invalidOption } from '@asyncmcp/core';

/** Whose something is: partition, region and account of an ARN. */
export type Scope = string;

/** Topic names, by the SNS API reference (CreateTopic): up to 256 letters, digits, - and _; FIFO topics end in .fifo. */
const TOPIC_ARN = /^arn:(aws[a-z-]*):sns:([a-z0-9-]+):(\d{12}):(?=.{1,256}$)[A-Za-z0-9_-]+(?:\.fifo)?$/;

/** The scope of a topic ARN; undefined for what is none. */
export function scopeOfTopic(topicArn: string): Scope | undefined {
  const match = TOPIC_ARN.exec(topicArn);
  return match === null ? undefined : match.slice(1).join(' ');
}

/** The scope of a queue ARN; undefined for what is none. */
export function scopeOfQueue(queueArn: string): Scope | undefined {
  const match = /^arn:(aws[a-z-]*):sqs:([a-z0-9-]+):(\d{12}):/.exec(queueArn);
  return match === null ? undefined : match.slice(1).join(' ');
}

/**
 * Checks an option that holds a topic ARN.
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION`
 */
export function topicArnOption(name: string, value: unknown): string {
  if (typeof value === 'string' && scopeOfTopic(value) !== undefined) return value;
  throw invalidOption(name, value, 'a topic ARN, e.g. arn:aws:sns:eu-west-1:123456789012:mcp-requests');
}

/**
 * Checks an option that holds the ARN of a topic other than another option's: what is published to the request topic comes
 * back to the servers.
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION`
 */
export function otherTopicArnOption(name: string, value: unknown, other: string): string {
  if (value === other) throw invalidOption(name, value, 'another topic than requestTopicArn');
  return topicArnOption(name, value);
}
