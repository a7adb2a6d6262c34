import assert from 'node:assert/strict';
import { SQSClient } from '@aws-sdk/client-sqs';
import { SqsClientTransport, SqsServer, provisionSqs } from '@asyncmcp/sqs';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { SqsServerOptions } from '@asyncmcp/sqs';

const sqs = new SQSClient({});
const { requestQueueUrl } = await provisionSqs({ sqs, requestQueueName: 'mcp-requests' });

const createServer: SqsServerOptions['createServer'] = () => {
  const mcp = new McpServer({ name: 'consumer', version: '1.0.0' });
  mcp.registerTool('greet', {}, () => ({ content: [{ type: 'text', text: 'Hello!' }] }));
  return mcp;
};
const server = new SqsServer({ sqs, requestQueueUrl, createServer });
await server.start();

const client = new Client({ name: 'consumer', version: '1.0.0' });
await client.connect(new SqsClientTransport({ sqs, requestQueueUrl }));
const { content } = await client.callTool({ name: 'greet' });
assert.deepEqual(content, [{ type: 'text', text: 'Hello!' }]);
await client.close();
await server.close();
console.log('called');
