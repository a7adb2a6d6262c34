/**
 * MCP over Amazon SNS and SQS: requests and replies go through topics, each to the queues subscribed to it.
 *
 * @example
 * ```ts
 * import { SNSClient } from '@aws-sdk/client-sns';
 * import { SQSClient } from '@aws-sdk/client-sqs';
 * import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
 * import { SnsSqsServer } from '@asyncmcp/sns-sqs';
 *
 * const server = new SnsSqsServer({
 *   sns: new SNSClient({}),
 *   sqs: new SQSClient({}),
 *   requestQueueUrl: 'https://sqs.eu-west-1.amazonaws.com/123456789012/mcp-requests',
 *   createServer: () => new McpServer({ name: 'example', version: '1.0.0' }),
 * });
 * await server.start();
 * ```
 *
 * @packageDocumentation
 */
export { SnsSqsServer } from './server.js';
export { SnsSqsClientTransport } from './client.js';
export { provisionSnsSqs } from './provision.js';

export type { SnsSqsServerOptions } from './server.js';
export type { SnsSqsClientTransportOptions } from './client.js';
export type { BroadcastNotification } from './broadcast.js';
export type { SnsSqsProvisionOptions } from './provision-options.js';
export type { SnsSqsResources, SnsSqsTopology } from './provision.js';
