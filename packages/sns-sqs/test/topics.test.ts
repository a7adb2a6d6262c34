import { describe, expect, it } from '@jest/globals';
import { MemorySessionStore } from '@asyncmcp/core';
import { SqsResponseReceiver } from '@asyncmcp/sqs';
import { rejectionOf, until } from '@asyncmcp/testkit';
import { PublishCommand } from '@aws-sdk/client-sns';
import { ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { CreateMessageRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { provisionSnsSqs } from '../src/index.js';
import { createEcho, echo, useSystem } from './system.js';
import type { Message } from '@aws-sdk/client-sqs';

const system = useSystem();

const TEXTS = Array.from({ length: 20 }, (_, n) => `text ${n}`);

describe('three clients and two servers on one pair of topics', () => {
  it('each get their own answers only, and the queues nobody else’s', async () => {
    const store = new MemorySessionStore();
    await system().server({ store });
    await system().server({ store });
    const transports = [system().transport(), system().transport(), system().transport()];
    const clients = await Promise.all(transports.map((transport) => system().client(transport)));
    const answers = await Promise.all(
      clients.map((client, n) => Promise.all(TEXTS.map((text) => echo(client, `${text} of ${n}`)))),
    );
    expect(answers).toEqual(clients.map((_, n) => TEXTS.map((text) => `${text} of ${n}`)));
    for (const { counters } of transports) expect(counters).toEqual({ duplicates: 0, invalid: 0, foreign: 0 });
  });

  it('lose nothing where two share a queue, as two processes would', async () => {
    await system().server();
    const { responseQueueUrl } = await system().responseQueue('shared');
    const one = await system().client(system().transport({ responseQueueUrl }));
    const two = await system().client(system().transport({ responseQueueUrl }));
    const texts = TEXTS.slice(0, 5);
    const answers = [one, two].map((client) => Promise.all(texts.map((text) => echo(client, text))));
    expect(await Promise.all(answers)).toEqual([texts, texts]);
  });

  it('may share a queue and its receiver in one process', async () => {
    await system().server();
    const { responseQueueUrl = '' } = await system().responseQueue('shared');
    const receiver = new SqsResponseReceiver({ sqs: system().aws.sqsClient(), responseQueueUrl });
    const first = await system().client(system().transport({ receiver }));
    const second = await system().client(system().transport({ receiver }));
    expect(await Promise.all([echo(first, 'one'), echo(second, 'two')])).toEqual(['one', 'two']);
  });
});

describe('FIFO topics', () => {
  it('get a temporary FIFO queue, and messages in the group of their session', async () => {
    const { aws } = system();
    const [sns, sqs] = [system().sns(), aws.sqsClient()];
    const names = {
      requestTopicName: 'orders.fifo',
      requestQueueName: 'orders.fifo',
      responseTopicName: 'answers.fifo',
    };
    const fifo = await provisionSnsSqs({ sns, sqs, ...names, fifo: true });
    const { requestQueueUrl, requestTopicArn, responseTopicArn } = fifo;
    const server = await system().server({ requestQueueUrl });
    const transport = system().transport({ requestTopicArn, responseTopicArn });
    const client = await system().client(transport);
    expect(await echo(client, 'in order')).toBe('in order');
    await server.close();
    const sent = echo(client, 'waits').catch(() => 'ended');
    const receive = new ReceiveMessageCommand({
      QueueUrl: requestQueueUrl,
      WaitTimeSeconds: 10,
      MessageSystemAttributeNames: ['MessageGroupId'],
    });
    const { Messages: [message] = [] } = await sqs.send(receive);
    expect(message?.Attributes?.MessageGroupId).toBe(transport.sessionId);
    await client.close();
    expect(await sent).toBe('ended');
  });
});

describe('a server that does not echo the client id', () => {
  /** Answers as asyncmcp for Python does: with the session id alone. */
  async function answer(message: Message, sessionId: string): Promise<void> {
    const request = JSON.parse(message.Body ?? '') as { id?: number; method: string };
    if (request.id === undefined) return;
    const result =
      request.method === 'initialize'
        ? { protocolVersion: '2025-06-18', capabilities: {}, serverInfo: { name: 'python', version: '1' } }
        : {};
    const Message = JSON.stringify({ jsonrpc: '2.0', id: request.id, result });
    const text = (StringValue: string) => ({ DataType: 'String', StringValue });
    await system()
      .sns()
      .send(
        new PublishCommand({
          TopicArn: system().topology.responseTopicArn,
          Message,
          MessageAttributes: { MessageType: text('jsonrpc'), SessionId: text(sessionId) },
        }),
      );
  }

  it('has its replies told apart by session, and what is another’s counted', async () => {
    const sqs = system().aws.sqsClient();
    const stopping = new AbortController();
    const sessions = new Map<string, string>();
    const serve = async (): Promise<void> => {
      const command = new ReceiveMessageCommand({
        QueueUrl: system().topology.requestQueueUrl,
        WaitTimeSeconds: 20,
        MessageAttributeNames: ['All'],
      });
      for (;;) {
        const { Messages = [] } = await sqs.send(command, { abortSignal: stopping.signal });
        for (const message of Messages) {
          const clientId = message.MessageAttributes?.['ClientId']?.StringValue ?? '';
          const sessionId = sessions.get(clientId) ?? `session-${sessions.size}`;
          sessions.set(clientId, sessionId);
          await answer(message, sessionId);
        }
      }
    };
    const serving = serve().catch(() => {}); // Ends by its signal.
    const transports = [system().transport(), system().transport()];
    const [first, second] = await Promise.all(transports.map((transport) => system().client(transport)));
    await Promise.all([first?.ping(), second?.ping(), first?.ping()]);
    expect(new Set(transports.map(({ sessionId }) => sessionId))).toEqual(new Set(['session-0', 'session-1']));
    expect(transports.map(({ clientId, sessionId }) => sessions.get(clientId) === sessionId)).toEqual([true, true]);
    await until(() => (transports[0]?.counters.foreign ?? 0) > 0);
    stopping.abort();
    await serving;
  });
});

describe('handshakes of asyncmcp for Python', () => {
  it.each([
    ['0.2.1', (arn: string) => ({ client_topic_arn: arn })],
    ['main branch', (arn: string) => ({ _meta: { clientTopicArn: arn } })],
  ])('of %s is answered at the topic it names', async (_version, address) => {
    await system().server();
    const { responseQueueUrl } = await system().responseQueue('python');
    const { requestTopicArn, responseTopicArn } = system().topology;
    const params = {
      protocolVersion: '2025-06-18',
      capabilities: {},
      clientInfo: { name: 'mcp', version: '0.1.0' },
      ...address(responseTopicArn),
    };
    const Message = JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params });
    const text = (StringValue: string) => ({ DataType: 'String', StringValue });
    const MessageAttributes = { MessageType: text('jsonrpc'), RequestId: text('0'), ClientId: text('python-client') };
    await system()
      .sns()
      .send(new PublishCommand({ TopicArn: requestTopicArn, Message, MessageAttributes }));
    const receive = new ReceiveMessageCommand({
      QueueUrl: responseQueueUrl,
      WaitTimeSeconds: 10,
      MessageAttributeNames: ['All'],
    });
    const reply = await until(async () => (await system().aws.sqsClient().send(receive)).Messages?.[0]);
    expect(JSON.parse(reply.Body ?? '')).toMatchObject({ id: 0, result: { protocolVersion: '2025-06-18' } });
    expect(reply.MessageAttributes?.['SessionId']?.StringValue).toMatch(/^\S+$/);
    expect(reply.MessageAttributes?.['ClientId']?.StringValue).toBe('python-client');
  });
});

describe('a server with a topic for answers of its own', () => {
  it('gets the answers to its own requests there, whichever server the session began at', async () => {
    const { responseQueueUrl: answerQueueUrl, responseTopicArn: answerTopicArn } = await answerTopology();
    const createServer = () => {
      const server = createEcho('asks');
      server.registerTool('ask', {}, async () => {
        const { content } = await server.server.createMessage({ messages: [], maxTokens: 1 });
        return { content: [{ type: 'text', text: 'text' in content ? String(content.text) : '' }] };
      });
      return server;
    };
    await system().server({ createServer, answerQueueUrl, answerTopicArn });
    const client = new Client({ name: 'test', version: '1' }, { capabilities: { sampling: {} } });
    client.setRequestHandler(CreateMessageRequestSchema, async () => ({
      model: 'none',
      role: 'assistant' as const,
      content: { type: 'text' as const, text: 'sampled' },
    }));
    await system().client(undefined, client);
    const { content } = await client.callTool({ name: 'ask' });
    expect(content).toEqual([{ type: 'text', text: 'sampled' }]);
  });

  async function answerTopology() {
    return provisionSnsSqs({
      sns: system().sns(),
      sqs: system().aws.sqsClient(),
      requestTopicName: 'requests',
      requestQueueName: 'requests',
      responseTopicName: 'answers-of-this-process',
      responseQueueName: 'answers-of-this-process',
    });
  }
});

describe('a result that cannot be sent', () => {
  it('is answered with the reason, and the call not run again', async () => {
    let runs = 0;
    const createServer = () => {
      const server = createEcho('odd');
      server.registerTool('odd', {}, () => {
        runs++;
        return { content: [], _meta: { amount: 10n } };
      });
      return server;
    };
    await system().server({ createServer });
    const client = await system().client();
    const error = await rejectionOf(client.callTool({ name: 'odd' }));
    expect(String(error)).toContain('BigInt');
    expect(runs).toBe(1);
  });
});
