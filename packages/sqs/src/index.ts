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
export { provisionSqs } from './provision.js';
// The parts that @asyncmcp/sns-sqs is made of: receiving from SNS is receiving from SQS.
export { awsCall, createSharedAbort } from './aws-call.js';
export { noTimingBesideReceiver, sqsClientOption, timingOptions } from './common-options.js';
export { createSqsConsumer } from './consumer.js';
export { createMiddlewareOrder } from './middleware-order.js';
export { otherQueueUrlOption, parseQueueUrl, queueUrlOption } from './queue-address.js';
export { MAX_MESSAGE_BYTES, MIN_MESSAGE_LIMIT_BYTES, cachedFacts, createQueueLimits } from './queue-limits.js';
export { createQueueServer } from './queue-server.js';
export { createReplyChannel } from './reply-channel.js';
export { TEMPORARY_QUEUE_PREFIX, createTemporaryQueue, deleteTemporaryQueue } from './temporary-queue.js';
export { createSender } from './sender.js';
export { checkMessageAttributes, decodeMessage } from './message-attributes.js';
export { provisionQueues } from './provision.js';
export { SQS_PROVISION_OPTION_NAMES, checkSqsProvisionOptions } from './provision-options.js';
export { resourceNameOption } from './resource-name.js';
export { withTeardown } from './undo-log.js';

export type { SqsServerOptions } from './server.js';
export type { SqsClientTransportOptions } from './client.js';
export type { AttachOptions, SqsResponseReceiverOptions } from './response-receiver.js';
export type { SqsProvisionOptions } from './provision-options.js';
export type { SqsQueues, SqsTopology } from './provision.js';
export type { Teardown, TeardownOptions, UndoLog, UndoStep } from './undo-log.js';
export type { AwsCall, SharedAbort } from './aws-call.js';
export type { TimingOptions } from './common-options.js';
export type { AnyCommand } from './middleware-order.js';
export type { SqsConsumer, SqsConsumerOptions } from './consumer.js';
export type { DeadLetter } from './dead-letter.js';
export type { CheckedSqsProvisionOptions } from './provision-options.js';
export type { QueueServer, QueueServerOptions } from './queue-server.js';
export type { ReplyChannel } from './reply-channel.js';
export type { BatchResult, OutgoingEntry, SendApi } from './send-batch.js';
export type { QueueAddress } from './queue-address.js';
export type { QueueFacts, QueueLimits } from './queue-limits.js';
export type { ResourceNameRules } from './resource-name.js';
export type { ConsumedMessage } from './settlements.js';
export type { MessageAttributes } from './message-attributes.js';
export type { TemporaryQueueOptions } from './temporary-queue.js';
export type { OutgoingMessage, Sender, SenderOptions } from './sender.js';
