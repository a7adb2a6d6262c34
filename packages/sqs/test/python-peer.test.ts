import { describe, expect, it } from '@jest/globals';
import { until } from '@asyncmcp/testkit';
import { ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { SqsClientTransport } from '../src/index.js';
import { useSystem } from './system.js';
import type { Message } from '@aws-sdk/client-sqs';

const system = useSystem();

/** The attributes that asyncmcp for Python 0.2.1 puts on a message; recorded from it. */
function pythonAttributes(values: Record<string, string>): Record<string, { DataType: string; StringValue: string }> {
  const all = { MessageType: 'jsonrpc', Timestamp: '1763830000', ...values };
  return Object.fromEntries(
    Object.entries(all).map(([name, StringValue]) => [
      name,
      { DataType: name === 'Timestamp' ? 'Number' : 'String', StringValue },
    ]),
  );
}

const initializeParams = {
  protocolVersion: '2025-06-18',
  capabilities: {},
  clientInfo: { name: 'mcp', version: '0.1.0' },
};

async function receiveOne(queueUrl: string): Promise<Message> {
  const sqs = system().aws.sqsClient();
  const command = new ReceiveMessageCommand({
    QueueUrl: queueUrl,
    WaitTimeSeconds: 10,
    MessageAttributeNames: ['All'],
  });
  return until(async () => (await sqs.send(command)).Messages?.[0]);
}

describe('a Python client', () => {
  it.each([
    ['of 0.2.1, newest on the package index', (url: string) => ({ ...initializeParams, response_queue_url: url })],
    ['of the main branch', (url: string) => ({ ...initializeParams, _meta: { responseQueueUrl: url } })],
  ])('%s opens a session and calls', async (_which, paramsFor) => {
    const { aws, requestQueueUrl } = system();
    await system().server({
      createServer: () => new McpServer({ name: 'ours', version: '1.0.0' }, { capabilities: { tools: {} } }),
    });
    const { queueUrl } = await aws.createQueue('python-responses');
    const sqs = aws.sqsClient();
    const send = async (message: object, attributes: Record<string, string>): Promise<void> => {
      const MessageBody = JSON.stringify({ jsonrpc: '2.0', ...message });
      await sqs.send(
        new SendMessageCommand({
          QueueUrl: requestQueueUrl,
          MessageBody,
          MessageAttributes: pythonAttributes(attributes),
        }),
      );
    };
    const ClientId = '1b7c0b1e-3f8a-4c63-9d0f-6b1f0d3a5f10';

    await send(
      { id: 0, method: 'initialize', params: paramsFor(queueUrl) },
      { RequestId: '0', Method: 'initialize', ClientId },
    );
    const initialized = await receiveOne(queueUrl);
    expect(JSON.parse(initialized.Body ?? '')).toMatchObject({
      jsonrpc: '2.0',
      id: 0,
      result: { protocolVersion: '2025-06-18' },
    });
    const SessionId = initialized.MessageAttributes?.['SessionId']?.StringValue ?? '';
    expect(SessionId).toMatch(/^[\x21-\x7e]+$/);
    expect(initialized.MessageAttributes?.['MessageType']?.StringValue).toBe('jsonrpc');

    const session = { SessionId, ClientId, ProtocolVersion: '2025-06-18' };
    await send({ method: 'notifications/initialized' }, { Method: 'notifications/initialized', ...session });
    await send({ id: 1, method: 'ping' }, { RequestId: '1', Method: 'ping', ...session });
    expect(JSON.parse((await receiveOne(queueUrl)).Body ?? '')).toEqual({ jsonrpc: '2.0', id: 1, result: {} });
  });
});

describe('a Python server', () => {
  it('is told the response queue in both shapes, and its session id is taken from the initialize response', async () => {
    const { aws, requestQueueUrl } = system();
    const { queueUrl: responseQueueUrl } = await aws.createQueue('our-responses');
    const transport = new SqsClientTransport({ sqs: aws.sqsClient(), requestQueueUrl, responseQueueUrl });
    const received: unknown[] = [];
    transport.onmessage = (message) => received.push(message);
    await transport.start();
    await transport.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams });
    const request = await receiveOne(requestQueueUrl);
    const { id, params } = JSON.parse(request.Body ?? '') as { id: string; params: unknown };
    expect(params).toMatchObject({ _meta: { responseQueueUrl }, response_queue_url: responseQueueUrl });
    expect(request.MessageAttributes).not.toHaveProperty('SessionId');

    // No ClientId, no AsyncMcp: that is all a Python server says.
    const SessionId = '542331aec690455baf55b1e396aeccb1';
    await aws.sqsClient().send(
      new SendMessageCommand({
        QueueUrl: responseQueueUrl,
        MessageBody: `{"jsonrpc":"2.0","id":"${id}","result":{"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"py","version":"1"}}}`,
        MessageAttributes: pythonAttributes({ SessionId }),
      }),
    );
    await until(() => received.length === 1);
    expect(transport.sessionId).toBe(SessionId);
    expect(transport.protocolVersion).toBe('2025-06-18');
    await transport.close();
  });
});
