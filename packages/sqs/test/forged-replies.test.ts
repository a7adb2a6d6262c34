import { describe, expect, it } from '@jest/globals';
import { createDeferred, until } from '@asyncmcp/testkit';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { call, useSystem } from './system.js';

const system = useSystem();

/** What a stranger sends who knows both queues, but neither client ids nor sessions. */
async function sendAsStranger(message: object, replyTo: string): Promise<void> {
  const { aws, requestQueueUrl } = system();
  const extension = { DataType: 'String', StringValue: JSON.stringify({ v: 1, replyTo }) };
  await aws.sqsClient().send(
    new SendMessageCommand({
      QueueUrl: requestQueueUrl,
      MessageBody: JSON.stringify({ jsonrpc: '2.0', ...message }),
      MessageAttributes: { AsyncMcp: extension },
    }),
  );
}

describe('replies to a stranger who names the response queue of a client', () => {
  it('do not end the calls of that client', async () => {
    const gate = createDeferred<void>();
    const createServer = (): McpServer => {
      const server = new McpServer({ name: 'test', version: '1.0.0' });
      server.registerTool('held', {}, async () => {
        await gate.promise;
        return { content: [{ type: 'text', text: 'done' }] };
      });
      return server;
    };
    await system().server({ createServer });
    const { queueUrl: responseQueueUrl } = await system().aws.createQueue('responses');
    const client = await system().client(system().transport({ responseQueueUrl }));
    const held = call(client, 'held');
    for (let id = 0; id < 4; id++) await sendAsStranger({ id, method: 'tools/list' }, responseQueueUrl);
    // They stay there: nobody takes them.
    await until(async () => {
      const { visible, inFlight, delayed } = await system().aws.messages(responseQueueUrl);
      return visible + inFlight + delayed === 4;
    });
    gate.resolve();
    expect(await held).toBe('done');
  });

  it('do not give that client a session of theirs', async () => {
    const { aws } = system();
    const { queueUrl: responseQueueUrl } = await aws.createQueue('responses');
    const params = {
      protocolVersion: '2025-06-18',
      capabilities: {},
      clientInfo: { name: 'stranger', version: '1.0.0' },
      _meta: { responseQueueUrl },
    };
    // It lies in the queue before the client's own.
    await sendAsStranger({ id: 0, method: 'initialize', params }, responseQueueUrl);
    const transport = system().transport({ responseQueueUrl });
    const connecting = new Client({ name: 'test', version: '1.0.0' }).connect(transport);
    const server = await system().server({ createServer: () => new McpServer({ name: 'test', version: '1.0.0' }) });
    await connecting;
    const mine = server.sessions.list().find(({ id }) => id === transport.sessionId);
    expect(mine?.clientId).toBe(transport.clientId);
  });
});
