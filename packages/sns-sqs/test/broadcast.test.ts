import { describe, expect, it } from '@jest/globals';
import { SqsResponseReceiver } from '@asyncmcp/sqs';
import { injectSnsFaults, rejectionOf, until } from '@asyncmcp/testkit';
import { PublishCommand } from '@aws-sdk/client-sns';
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { echo, useSystem } from './system.js';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';

const system = useSystem();
const LIST_CHANGED = { method: 'notifications/tools/list_changed' };

/** How often a client has heard that the list of tools changed. */
function listen(client: Client): () => number {
  let heard = 0;
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => void heard++);
  return () => heard;
}

describe('broadcast', () => {
  it('reaches every client of the topic once, by one publish', async () => {
    const sns = system().sns();
    const server = await system().server({ sns });
    const clients = await Promise.all([system().client(), system().client(), system().client()]);
    const heard = clients.map(listen);
    const before = system().aws.calls.of('Publish') + system().aws.calls.of('PublishBatch');
    await server.broadcast(system().topology.responseTopicArn, LIST_CHANGED);
    expect(system().aws.calls.of('Publish') + system().aws.calls.of('PublishBatch')).toBe(before + 1);
    await until(() => heard.every((count) => count() === 1));
    // What comes through the same queues after it shows that there was no second one.
    expect(await Promise.all(clients.map((client) => echo(client, 'after')))).toEqual(['after', 'after', 'after']);
    expect(heard.map((count) => count())).toEqual([1, 1, 1]);
  });

  it('is heard once where it was delivered twice, and by each of the clients that share a queue', async () => {
    const sns = system().sns();
    const server = await system().server({ sns });
    const { responseQueueUrl = '' } = await system().responseQueue('shared');
    const receiver = new SqsResponseReceiver({ sqs: system().aws.sqsClient(), responseQueueUrl });
    const clients = [
      await system().client(system().transport({ receiver })),
      await system().client(system().transport({ receiver })),
    ];
    const heard = clients.map(listen);
    injectSnsFaults(sns).duplicatePublishes(1);
    await server.broadcast(system().topology.responseTopicArn, LIST_CHANGED);
    await until(async () => {
      const { visible, inFlight } = await system().aws.messages(responseQueueUrl);
      return visible + inFlight === 0 && heard.every((count) => count() > 0);
    });
    expect(await Promise.all(clients.map((client) => echo(client, 'after')))).toEqual(['after', 'after']);
    expect(heard.map((count) => count())).toEqual([1, 1]);
  });

  it('is ignored by a client that has no session yet', async () => {
    const server = await system().server();
    const transport = system().transport();
    const received: unknown[] = [];
    transport.onmessage = (message) => void received.push(message);
    await transport.start();
    const other = await system().client();
    const heard = listen(other);
    await server.broadcast(system().topology.responseTopicArn, LIST_CHANGED);
    await until(() => heard() === 1);
    await transport.close();
    expect(received).toEqual([]);
  });

  it.each([
    ['a request', { method: 'tools/list' }],
    [
      'progress, which is of one request',
      { method: 'notifications/progress', params: { progressToken: 1, progress: 1 } },
    ],
    ['a cancellation, which is of one request', { method: 'notifications/cancelled', params: { requestId: 1 } }],
  ])('refuses %s', async (_what, notification) => {
    const server = await system().server();
    const error = await rejectionOf(server.broadcast(system().topology.responseTopicArn, notification));
    expect(error).toMatchObject({ code: 'ERR_INVALID_OPTION' });
  });

  it('refuses a topic of another account or region', async () => {
    const server = await system().server();
    for (const arn of [
      'arn:aws:sns:us-east-1:999999999999:responses',
      'arn:aws:sns:eu-west-1:000000000000:responses',
    ]) {
      expect(await rejectionOf(server.broadcast(arn, LIST_CHANGED))).toMatchObject({
        code: 'ERR_REPLY_ADDRESS_REFUSED',
      });
    }
  });

  it('is no way to answer somebody else’s request', async () => {
    await system().server();
    const transport = system().transport();
    const client = await system().client(transport);
    const waiting = client.callTool({ name: 'wait' }, undefined, { timeout: 60_000 }).catch(() => 'ended');
    const text = (StringValue: string) => ({ DataType: 'String', StringValue });
    const forge = (message: object): Promise<unknown> => {
      const AsyncMcp = text(JSON.stringify({ v: 1, id: String(Math.random()), broadcast: true }));
      return system()
        .sns()
        .send(
          new PublishCommand({
            TopicArn: system().topology.responseTopicArn,
            Message: JSON.stringify({ jsonrpc: '2.0', ...message }),
            MessageAttributes: { MessageType: text('jsonrpc'), AsyncMcp },
          }),
        );
    };
    for (let id = 0; id < 5; id++) await forge({ id, result: { content: [{ type: 'text', text: 'forged' }] } });
    await forge({ id: 9, method: 'sampling/createMessage', params: { messages: [], maxTokens: 1 } });
    await until(() => transport.counters.invalid === 6);
    await client.close();
    expect(await waiting).toBe('ended');
  });
});
