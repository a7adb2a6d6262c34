import { describe, expect, it } from '@jest/globals';
import { MemorySessionStore } from '@asyncmcp/core';
import { injectSqsFaults, rejectionOf, until } from '@asyncmcp/testkit';
import { ListQueuesCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { z } from 'zod';
import { SqsResponseReceiver, TEMPORARY_QUEUE_PREFIX } from '../src/index.js';
import { intercept } from './support.js';
import { call, useSystem } from './system.js';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { AwsEmulator } from '@asyncmcp/testkit';

const system = useSystem();

function echoServer(): McpServer {
  const mcp = new McpServer({ name: 'echo', version: '1.0.0' });
  mcp.registerTool('echo', { inputSchema: { text: z.string() } }, ({ text }) => ({
    content: [{ type: 'text', text }],
  }));
  return mcp;
}

async function temporaryQueues(aws: AwsEmulator): Promise<string[]> {
  const { QueueUrls = [] } = await aws
    .sqsClient()
    .send(new ListQueuesCommand({ QueueNamePrefix: TEMPORARY_QUEUE_PREFIX }));
  return QueueUrls;
}

describe('a transport without a response queue', () => {
  it('makes one and deletes it on close', async () => {
    const { aws } = system();
    await system().server({ createServer: echoServer });
    const client = await system().client();
    expect(await temporaryQueues(aws)).toHaveLength(1);
    expect(await call(client, 'echo', { text: 'hi' })).toBe('hi');
    await client.close();
    expect(await temporaryQueues(aws)).toEqual([]);
  });

  it('leaves none behind when it is closed while it starts', async () => {
    const { aws } = system();
    const transport = system().transport();
    const starting = transport.start().catch((error: unknown) => error);
    await transport.close();
    expect(await starting).toMatchObject({ code: 'ERR_CLOSED' });
    // The queue may have been made after we let go of the call; it is deleted when SQS answers.
    await until(async () => (await temporaryQueues(aws)).length === 0);
  });

  it('leaves none behind when the handshake fails', async () => {
    const { aws } = system();
    const failing = system().client(
      system().transport({ requestQueueUrl: `${aws.endpoint}/000000000000/no-such-queue` }),
    );
    await expect(failing).rejects.toMatchObject({ code: 'ERR_DESTINATION_GONE' });
    await until(async () => (await temporaryQueues(aws)).length === 0);
  });
});

describe('a temporary queue that can be neither used nor deleted', () => {
  /** A client whose n-th look at a queue is refused, and so is any deletion. */
  function refused(nth: number): SQSClient {
    const sqs = system().aws.sqsClient();
    let looks = 0;
    intercept(sqs, ({ command }, next) => {
      if (command === 'DeleteQueue') return Promise.reject(failure('AccessDenied', 'no deleting'));
      if (command === 'GetQueueAttributes' && ++looks === nth) {
        return Promise.reject(failure('InvalidParameterValue', 'no looking'));
      }
      return next();
    });
    return sqs;
  }

  const failure = (name: string, text: string): Error => Object.assign(new Error(text), { name, $fault: 'client' });

  it.each([
    ['waiting for the queue', 1],
    ['beginning to receive', 2],
  ])('is named by the error that says why %s failed', async (_what, nth) => {
    const transport = system().transport({ sqs: refused(nth) });
    const error = await rejectionOf(transport.start());
    const [left = 'none'] = await temporaryQueues(system().aws);
    const message = expect.stringMatching(new RegExp(`no looking.*${left}`, 's'));
    expect(error).toMatchObject({ message, details: { left: [`queue ${left}`] } });
  });
});

describe('a response queue that does not exist', () => {
  it('fails the connection at once, with a message that names it', async () => {
    const { aws } = system();
    const responseQueueUrl = `${aws.endpoint}/000000000000/no-such-queue`;
    await expect(system().client(system().transport({ responseQueueUrl }))).rejects.toMatchObject({
      code: 'ERR_DESTINATION_GONE',
      message: expect.stringContaining('no-such-queue'),
    });
  });
});

describe('several transports of one process on one response queue', () => {
  it('share one poller through a receiver, and nobody gets what is not theirs', async () => {
    const { aws } = system();
    await system().server({ createServer: echoServer });
    const { queueUrl: responseQueueUrl } = await aws.createQueue('shared');
    const sqs = aws.sqsClient();
    const receiver = new SqsResponseReceiver({ sqs, responseQueueUrl });
    const transports = Array.from({ length: 5 }, () => system().transport({ sqs, receiver }));
    const clients = await Promise.all(transports.map((transport) => system().client(transport)));
    const answers = await Promise.all(
      clients.flatMap((client, c) => [0, 1, 2, 3].map((n) => call(client, 'echo', { text: `${c}.${n}` }))),
    );
    expect(answers).toEqual(clients.flatMap((_, c) => [0, 1, 2, 3].map((n) => `${c}.${n}`)));
    for (const { counters } of transports) expect(counters).toEqual({ duplicates: 0, invalid: 0, foreign: 0 });

    // One long poll of the server and one of the five clients: idle, they make no call at all.
    await until(async () => (await aws.messages(responseQueueUrl)).inFlight === 0);
    const before = aws.calls.of('ReceiveMessage');
    await Promise.all(clients.map((client) => client.close()));
    expect(aws.calls.of('ReceiveMessage') - before).toBeLessThanOrEqual(1);
  });

  it('work without a receiver, too: what belongs to another is handed on', async () => {
    const { aws } = system();
    await system().server({ createServer: echoServer });
    const { queueUrl: responseQueueUrl } = await aws.createQueue('contended');
    const clients = await Promise.all([0, 1].map(() => system().client(system().transport({ responseQueueUrl }))));
    const answers = clients.map((client, c) => call(client, 'echo', { text: String(c) }));
    expect(await Promise.all(answers)).toEqual(['0', '1']);
  });

  it('go to whom they are for after few hands: who hands one on does not take it back first', async () => {
    const { aws } = system();
    await system().server({ createServer: echoServer });
    const { queueUrl: responseQueueUrl } = await aws.createQueue('contended');
    const receives: number[] = [];
    const watchedSqs = (): SQSClient => {
      const sqs = aws.sqsClient();
      sqs.middlewareStack.add(
        (next) => async (args) => {
          const result = await next(args);
          const { Messages } = result.output as { Messages?: { Attributes?: Record<string, string> }[] };
          for (const { Attributes } of Messages ?? []) receives.push(Number(Attributes?.['ApproximateReceiveCount']));
          return result;
        },
        { step: 'initialize' },
      );
      return sqs;
    };
    const clients = await Promise.all(
      [0, 1].map(() => system().client(system().transport({ sqs: watchedSqs(), responseQueueUrl }))),
    );
    for (let round = 0; round < 5; round++) {
      await Promise.all(clients.map((client, c) => call(client, 'echo', { text: String(c) })));
    }
    // Twelve replies. Without it most of those that come to the wrong reader come back to it four times and more.
    expect(receives.length).toBeGreaterThanOrEqual(12);
    expect(Math.max(...receives)).toBeLessThanOrEqual(4);
  });

  it('reports a message that nobody claims, instead of passing it round for ever', async () => {
    const { aws } = system();
    await system().server({ createServer: echoServer });
    const { queueUrl: responseQueueUrl } = await aws.createQueue('stray');
    const sqs = aws.sqsClient();
    const transport = system().transport({ sqs, responseQueueUrl });
    const errors: Error[] = [];
    await system().client(transport);
    transport.onerror = (error) => errors.push(error);
    // Received for the twentieth time, as far as the client can tell.
    sqs.middlewareStack.add(
      (next) => async (args) => {
        const result = await next(args);
        const { Messages } = result.output as { Messages?: { Attributes?: Record<string, string> }[] };
        for (const message of Messages ?? [])
          message.Attributes = { ...message.Attributes, ApproximateReceiveCount: '20' };
        return result;
      },
      { step: 'initialize' },
    );
    const stranger = { ClientId: { DataType: 'String', StringValue: 'somebody-else' } };
    const MessageBody = '{"jsonrpc":"2.0","id":0,"result":{}}';
    // The poll under way began before the middleware was there; the next message wakes it, the one after is counted.
    for (let n = 0; n < 2; n++) {
      await aws
        .sqsClient()
        .send(new SendMessageCommand({ QueueUrl: responseQueueUrl, MessageBody, MessageAttributes: stranger }));
    }
    await until(() => errors.some((error) => 'code' in error && error.code === 'ERR_UNCLAIMED_MESSAGE'));
    await until(async () => (await aws.messages(responseQueueUrl)).visible === 0);
    expect(transport.counters).toEqual({ duplicates: 0, invalid: 0, foreign: 0 });
  });
});

describe('an idle server', () => {
  it('makes no call beyond the one long poll, however many sessions it has', async () => {
    const { aws } = system();
    await system().server({ createServer: echoServer, store: new MemorySessionStore() });
    const { queueUrl: responseQueueUrl } = await aws.createQueue('shared');
    const receiver = new SqsResponseReceiver({ sqs: aws.sqsClient(), responseQueueUrl });
    await Promise.all(Array.from({ length: 20 }, () => system().client(system().transport({ receiver }))));
    await until(async () => (await aws.messages(system().requestQueueUrl)).inFlight === 0);
    await until(async () => (await aws.messages(responseQueueUrl)).inFlight === 0);
    // The polls that follow the last message have begun when the emulator has counted them; then nothing happens.
    let quiet = aws.calls.total;
    await until(() => quiet === (quiet = aws.calls.total), { intervalMs: 200 });
    const since = Date.now();
    await until(() => Date.now() - since > 1500, { intervalMs: 100 });
    expect(aws.calls.total).toBe(quiet);
  });
});

describe('closing', () => {
  it('returns in under a second during a long poll, on both sides', async () => {
    const server = await system().server({ createServer: echoServer, drainTimeoutMs: 30_000 });
    const client = await system().client();
    const { aws } = system();
    await until(() => aws.calls.of('ReceiveMessage') >= 2);
    const startedAt = Date.now();
    await Promise.all([client.close(), server.close()]);
    expect(Date.now() - startedAt).toBeLessThan(1000);
  });

  it('deletes what was handled before it ends, although the deletes are batched', async () => {
    const { aws, requestQueueUrl } = system();
    const sqs = aws.sqsClient();
    injectSqsFaults(sqs).clear();
    const server = await system().server({ sqs, createServer: echoServer });
    const client = await system().client();
    await Promise.all(Array.from({ length: 30 }, (_, n) => call(client, 'echo', { text: String(n) })));
    await server.close();
    expect(await aws.messages(requestQueueUrl)).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
  });
});
