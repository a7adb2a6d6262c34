import assert from 'node:assert/strict';
import { WebhookClientTransport, WebhookReceiver, WebhookServer } from '@asyncmcp/webhook';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { AllowWebhookUrl, WebhookServerOptions } from '@asyncmcp/webhook';

const createServer: WebhookServerOptions['createServer'] = () => {
  const mcp = new McpServer({ name: 'consumer', version: '1.0.0' });
  mcp.registerTool('greet', {}, () => ({ content: [{ type: 'text', text: 'Hello!' }] }));
  return mcp;
};
const allowWebhookUrl: AllowWebhookUrl = (url) => url.hostname === '127.0.0.1';
const server = new WebhookServer({ createServer, allowWebhookUrl });
const { url: serverUrl } = await server.listen({ port: 0 });

const receiver = new WebhookReceiver();
const { url: receiverUrl } = await receiver.listen({ port: 0 });
const client = new Client({ name: 'consumer', version: '1.0.0' });
await client.connect(
  new WebhookClientTransport({
    serverUrl: `${serverUrl}/mcp/request`,
    webhookUrl: `${receiverUrl}/webhook/response`,
    receiver,
  }),
);
const { content } = await client.callTool({ name: 'greet' });
assert.deepEqual(content, [{ type: 'text', text: 'Hello!' }]);
await client.close();
await receiver.close();
await server.close();
console.log('called');
