import assert from 'node:assert/strict';
import { StreamableWebhookClientTransport, StreamableWebhookServer, webhookTool } from '@asyncmcp/streamable-webhook';
import { WebhookReceiver } from '@asyncmcp/webhook';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { StreamableWebhookServerOptions } from '@asyncmcp/streamable-webhook';

const createServer: StreamableWebhookServerOptions['createServer'] = () => {
  const mcp = new McpServer({ name: 'consumer', version: '1.0.0' });
  mcp.registerTool('greet', {}, () => ({ content: [{ type: 'text', text: 'Hello!' }] }));
  webhookTool(mcp.registerTool('greet_later', {}, () => ({ content: [{ type: 'text', text: 'Hello later!' }] })));
  return mcp;
};
const server = new StreamableWebhookServer({
  createServer,
  allowWebhookUrl: (url) => url.hostname === '127.0.0.1',
});
const { url: serverUrl } = await server.listen({ port: 0 });

const receiver = new WebhookReceiver();
const { url: receiverUrl } = await receiver.listen({ port: 0 });
const client = new Client({ name: 'consumer', version: '1.0.0' });
await client.connect(
  new StreamableWebhookClientTransport({
    serverUrl: `${serverUrl}/mcp`,
    webhookUrl: `${receiverUrl}/webhook/response`,
    receiver,
  }),
);
const overTheConnection = await client.callTool({ name: 'greet' });
assert.deepEqual(overTheConnection.content, [{ type: 'text', text: 'Hello!' }]);
const byWebhook = await client.callTool({ name: 'greet_later' });
assert.deepEqual(byWebhook.content, [{ type: 'text', text: 'Hello later!' }]);
await client.close();
await receiver.close();
await server.close();
console.log('called');
