import { createServer } from 'node:http';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import { DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { createMiddlewareOrder } from '../src/middleware-order.js';
import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import type { SQSClientConfig } from '@aws-sdk/client-sqs';

interface Endpoint {
  readonly url: string;
  /** The bodies of the requests. */
  readonly requests: { readonly QueueUrl: string }[];
}

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** Answers like a queue that is empty. */
async function startEndpoint(): Promise<Endpoint> {
  const requests: Endpoint['requests'] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      requests.push(JSON.parse(body) as { QueueUrl: string });
      response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' }).end('{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => close(server));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

function createClient(config: SQSClientConfig): SQSClient {
  const client = new SQSClient({
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    ...config,
  });
  cleanups.push(async () => client.destroy());
  return client;
}

type Stack = SQSClient['middlewareStack'];
type Concat = (from: unknown) => unknown;

function wrapped(original: Concat, see: () => void, name?: string): Concat {
  const wrapper = function (this: unknown, ...args: Parameters<Concat>): unknown {
    see();
    return original.apply(this, args);
  };
  return name === undefined ? wrapper : Object.defineProperty(wrapper, 'name', { value: name });
}

/** Notes each of its middlewares as it runs: some at every step, and some beside those of the SDK. */
function watchedClient(endpoint: string): { readonly client: SQSClient; readonly ran: string[] } {
  const client = createClient({ endpoint });
  const ran: string[] = [];
  // The SDK declares an overload for each step; the types are those of the last.
  const noting =
    (what: string): Parameters<Stack['add']>[0] =>
    (next) =>
    (args) => {
      ran.push(what);
      return next(args);
    };
  for (const step of ['deserialize', 'build', 'initialize', 'finalizeRequest', 'serialize'] as const) {
    for (const priority of ['low', 'high', 'normal'] as const) {
      client.middlewareStack.add(noting(`${step} ${priority}`), { step, priority } as Parameters<Stack['add']>[1]);
    }
  }
  for (const toMiddleware of ['serializerMiddleware', 'retryMiddleware', 'loggerMiddleware']) {
    for (const relation of ['before', 'after'] as const) {
      const name = `${relation} ${toMiddleware}`;
      client.middlewareStack.addRelativeTo(noting(name), { name, relation, toMiddleware });
    }
  }
  return { client, ran };
}

function receive(queueUrl: string): ReceiveMessageCommand {
  return new ReceiveMessageCommand({ QueueUrl: queueUrl });
}

describe('a prepared command', () => {
  it('runs a client’s middlewares in the SDK’s order, the first time and later', async () => {
    const { url } = await startEndpoint();
    const { client, ran } = watchedClient(url);
    await client.send(receive(`${url}/1/queue`));
    const bySdk = ran.splice(0);
    expect(bySdk).toHaveLength(21);
    const prepare = createMiddlewareOrder();
    for (let time = 0; time < 3; time++) {
      await client.send(prepare(receive(`${url}/1/queue`)), { abortSignal: new AbortController().signal });
      expect(ran.splice(0)).toEqual(bySdk);
    }
  });

  it('runs middleware that was added, and not what was removed, after the first', async () => {
    const { url } = await startEndpoint();
    const { client, ran } = watchedClient(url);
    const prepare = createMiddlewareOrder();
    await client.send(prepare(receive(`${url}/1/queue`)));
    const before = ran.splice(0);
    const late: Parameters<Stack['add']>[0] = (next) => (args) => {
      ran.push('late');
      return next(args);
    };
    client.middlewareStack.add(late, { step: 'deserialize', priority: 'low' });
    await client.send(prepare(receive(`${url}/1/queue`)));
    expect(ran.splice(0)).toEqual([...before, 'late']);
    client.middlewareStack.remove(late);
    await client.send(prepare(receive(`${url}/1/queue`)));
    expect(ran.splice(0)).toEqual(before);
  });

  it('has the middlewares sorted once for each client', async () => {
    const { url } = await startEndpoint();
    const prepare = createMiddlewareOrder();
    for (const client of [createClient({ endpoint: url }), createClient({ endpoint: url })]) {
      let sorted = 0;
      for (let time = 0; time < 3; time++) {
        const command = receive(`${url}/1/queue`);
        // The client's stack reads the command's only to sort the two together.
        const { middlewareStack } = command;
        const { applyToStack } = middlewareStack;
        middlewareStack.applyToStack = (stack) => {
          sorted += 1;
          applyToStack(stack);
        };
        await client.send(prepare(command));
      }
      expect(sorted).toBe(1);
    }
  });

  it.each([
    ['a function', (original: Concat, see: () => void) => wrapped(original, see)],
    ['a function that looks like the SDK’s', (original: Concat, see: () => void) => wrapped(original, see, 'concat')],
    [
      'an arrow function',
      (original: Concat, see: () => void): Concat =>
        (from) => {
          see();
          return original(from);
        },
    ],
    [
      'an arrow function of the same name',
      (original: Concat, see: () => void): Concat => {
        const concat: Concat = (from) => {
          see();
          return original(from);
        };
        return concat;
      },
    ],
  ])('goes through a concat of the stack’s that somebody has wrapped in %s, each time', async (_what, wrap) => {
    const { url } = await startEndpoint();
    const client = createClient({ endpoint: url });
    const prepare = createMiddlewareOrder();
    await client.send(prepare(receive(`${url}/1/queue`)));
    let seen = 0;
    const stack = client.middlewareStack as unknown as { concat: Concat };
    stack.concat = wrap(stack.concat, () => void (seen += 1));
    for (let time = 0; time < 3; time++) await client.send(prepare(receive(`${url}/1/queue`)));
    expect(seen).toBe(3);
  });

  it('goes to the host of its own queue, also beside one for another host', async () => {
    const [one, other] = [await startEndpoint(), await startEndpoint()];
    const logger = { debug() {}, info() {}, warn() {}, error() {} };
    const client = createClient({ logger });
    const prepare = createMiddlewareOrder();
    const commands = Array.from({ length: 20 }, (_, index) =>
      [one, other].map(({ url }) => receive(`${url}/1/queue-${index}`)),
    ).flat();
    await Promise.all(commands.map((command) => client.send(prepare(command))));
    expect([one, other].map(({ requests }) => requests.length)).toEqual([20, 20]);
    for (const { url, requests } of [one, other]) {
      expect(requests.filter(({ QueueUrl }) => !QueueUrl.startsWith(url))).toEqual([]);
    }
  });

  it('is given up when its signal aborts', async () => {
    const server = createServer(() => {});
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    cleanups.push(() => close(server));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const client = createClient({ endpoint: url });
    const prepare = createMiddlewareOrder();
    for (let time = 0; time < 2; time++) {
      const controller = new AbortController();
      const requested = once(server, 'request');
      const sent = client.send(prepare(receive(`${url}/1/queue`)), { abortSignal: controller.signal });
      await requested;
      controller.abort();
      await expect(sent).rejects.toMatchObject({ name: 'AbortError' });
    }
  });

  it('is logged to the logger that a client was given', async () => {
    const { url } = await startEndpoint();
    const logged: unknown[] = [];
    const logger = { debug() {}, info: (entry: unknown) => void logged.push(entry), warn() {}, error() {} };
    const client = createClient({ endpoint: url, logger });
    const prepare = createMiddlewareOrder();
    for (const ReceiptHandle of ['one', 'other']) {
      await client.send(prepare(new DeleteMessageCommand({ QueueUrl: `${url}/1/queue`, ReceiptHandle })));
    }
    const input = { QueueUrl: `${url}/1/queue` };
    expect(logged).toMatchObject([
      { commandName: 'DeleteMessageCommand', input: { ...input, ReceiptHandle: 'one' } },
      { commandName: 'DeleteMessageCommand', input: { ...input, ReceiptHandle: 'other' } },
    ]);
  });
});
