import assert from 'node:assert/strict';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { SnsSqsClientTransport, SnsSqsServer, provisionSnsSqs } from '@asyncmcp/sns-sqs';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { SnsSqsServerOptions } from '@asyncmcp/sns-sqs';

const sns = new SNSClient({});
const sqs = new SQSClient({});
const { requestQueueUrl, requestTopicArn, responseTopicArn } = await provisionSnsSqs({
  sns,
  sqs,
  requestTopicName: 'mcp-requests',
  requestQueueName: 'mcp-topic-requests',
  responseTopicName: 'mcp-responses',
});

const createServer: SnsSqsServerOptions['createServer'] = () => {
  const mcp = new McpServer({ name: 'consumer', version: '1.0.0' });
  mcp.registerTool('greet', {}, () => ({ content: [{ type: 'text', text: 'Hello!' }] }));
  return mcp;
};
const server = new SnsSqsServer({ sns, sqs, requestQueueUrl, createServer });
await server.start();

const client = new Client({ name: 'consumer', version: '1.0.0' });
await client.connect(new SnsSqsClientTransport({ sns, sqs, requestTopicArn, responseTopicArn }));
const { content } = await client.callTool({ name: 'greet' });
assert.deepEqual(content, [{ type: 'text', text: 'Hello!' }]);
await client.close();
await server.close();
console.log('called');
