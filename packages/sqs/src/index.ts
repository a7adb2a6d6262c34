/**
 * MCP over Amazon SQS: requests in one queue, replies in another, nobody waiting on the line.
 *
 * @example
 * ```ts
 * import { SQSClient } from '@aws-sdk/client-sqs';
 * import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
 * import { SqsServer } from '@asyncmcp/sqs';
 *
 * const server = new SqsServer({
 *   sqs: new SQSClient({}),
 *   requestQueueUrl: 'https://sqs.eu-west-1.amazonaws.com/123456789012/mcp-requests',
 *   createServer: () => new McpServer({ name: 'example', version: '1.0.0' }),
 * });
 * await server.start();
 * ```
 *
 * @packageDocumentation
 */
export { SqsServer } from './server.js';
export { SqsClientTransport } from './client.js';
export { SqsResponseReceiver } from './response-receiver.js';
export { TEMPORARY_QUEUE_PREFIX } from './temporary-queue.js';
// The parts that @asyncmcp/sns-sqs is made of: receiving from SNS is receiving from SQS.
export { createSqsConsumer } from './consumer.js';
export { createDeadLetter } from './dead-letter.js';
export { createQueueLimits } from './queue-limits.js';
export { createSender, createSqsSender } from './sender.js';
export { decodeMessage } from './message-attributes.js';

export type { SqsServerOptions } from './server.js';
export type { SqsClientTransportOptions } from './client.js';
export type { SqsResponseReceiverOptions } from './response-receiver.js';
export type { SqsConsumer, SqsConsumerOptions } from './consumer.js';
export type { DeadLetter, DeadLetterOptions } from './dead-letter.js';
export type { QueueFacts, QueueLimits } from './queue-limits.js';
export type { OutgoingMessage, Sender, SenderOptions, SqsSenderOptions } from './sender.js';
