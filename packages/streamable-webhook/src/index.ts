/**
 * MCP over Streamable HTTP, with webhook delivery for chosen tools: quick tools answer over the connection, slow ones answer 202 at once
 * and deliver by webhook, so that nobody holds a connection for an hour. Any MCP client can use the server.
 *
 * @example
 * ```ts
 * import { WebhookReceiver } from '@asyncmcp/webhook';
 * import { StreamableWebhookClientTransport, StreamableWebhookServer } from '@asyncmcp/streamable-webhook';
 *
 * const server = new StreamableWebhookServer({ createServer: () => createMcpServer(), webhookTools: ['analyze'] });
 * await server.listen({ port: 8000 });
 *
 * const receiver = new WebhookReceiver();
 * await receiver.listen({ port: 8001 });
 * const transport = new StreamableWebhookClientTransport({
 *   serverUrl: 'https://mcp.example.com/mcp',
 *   webhookUrl: 'https://client.example.com/webhook/response',
 *   receiver,
 * });
 * await client.connect(transport);
 * ```
 *
 * @packageDocumentation
 */
export { StreamableWebhookServer } from './server.js';
export { StreamableWebhookClientTransport } from './client.js';
export { isWebhookTool, webhookTool } from './webhook-tools.js';

export type { StreamableWebhookServerOptions } from './server-options.js';
export type { StreamableWebhookClientTransportOptions } from './client.js';
export type { EventStore } from './event-store.js';
export type { HostCheckOptions } from '@asyncmcp/webhook';
export type { WebhookTools, WithMeta } from './webhook-tools.js';
export type { Fetch } from './client-exchange.js';
