/**
 * MCP over Amazon SNS and SQS: requests and replies go through topics, each to the queues subscribed to it.
 *
 * @example
 * ```ts
 * import { SNSClient } from '@aws-sdk/client-sns';
 * import { SQSClient } from '@aws-sdk/client-sqs';
 * import { provisionSnsSqs } from '@asyncmcp/sns-sqs';
 *
 * const topology = await provisionSnsSqs({
 *   sns: new SNSClient({}),
 *   sqs: new SQSClient({}),
 *   requestTopicName: 'mcp-requests',
 *   requestQueueName: 'mcp-requests',
 *   responseTopicName: 'mcp-responses',
 * });
 * ```
 *
 * @packageDocumentation
 */
export { provisionSnsSqs } from './provision.js';

export type { SnsSqsProvisionOptions } from './provision-options.js';
export type { SnsSqsResources, SnsSqsTopology } from './provision.js';
