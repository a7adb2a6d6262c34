import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { buildApp } from 'fauxqs';
import type { AddressInfo, Socket } from 'node:net';
import type { Message, SendMessageCommandInput, SQSClientConfig } from '@aws-sdk/client-sqs';
import type { Logger } from '@asyncmcp/core';

/** An SQS emulator on loopback, and short-hands for what tests do with its queues. */
export interface Emulator {
  readonly port: number;
  readonly sqs: SQSClient;
  /** A client of one's own, to put middleware into or to point elsewhere. */
  client(config?: SQSClientConfig): SQSClient;
  createQueue(name: string, attributes?: Record<string, string>): Promise<string>;
  send(queueUrl: string, body: string, rest?: Partial<SendMessageCommandInput>): Promise<string>;
  /** Takes what is visible, without waiting, and leaves it invisible for the queue's timeout. */
  receive(queueUrl: string): Promise<Message[]>;
  arnOf(queueUrl: string): Promise<string>;
  /** Messages now visible, and messages now in flight. */
  count(queueUrl: string): Promise<{ visible: number; inFlight: number }>;
  close(): Promise<void>;
}

export async function startEmulator(): Promise<Emulator> {
  const app = buildApp({ logger: false });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  const clients: SQSClient[] = [];
  const client = (config: SQSClientConfig = {}): SQSClient => {
    const sqs = new SQSClient({
      endpoint: `http://127.0.0.1:${port}`,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      ...config,
    });
    clients.push(sqs);
    return sqs;
  };
  const sqs = client();
  const attributesOf = async (queueUrl: string): Promise<Partial<Record<string, string>>> => {
    const command = new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['All'] });
    return (await sqs.send(command)).Attributes ?? {};
  };
  return {
    port,
    sqs,
    client,
    async createQueue(name, Attributes) {
      const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes }));
      if (QueueUrl === undefined) throw new Error('no queue URL');
      return QueueUrl;
    },
    async send(queueUrl, body, rest = {}) {
      const sent = await sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: body, ...rest }));
      return sent.MessageId ?? '';
    },
    async receive(queueUrl) {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({
          QueueUrl: queueUrl,
          MaxNumberOfMessages: 10,
          MessageAttributeNames: ['All'],
          MessageSystemAttributeNames: ['All'],
        }),
      );
      return Messages;
    },
    async arnOf(queueUrl) {
      return (await attributesOf(queueUrl))['QueueArn'] ?? '';
    },
    async count(queueUrl) {
      const attributes = await attributesOf(queueUrl);
      return {
        visible: Number(attributes['ApproximateNumberOfMessages']),
        inFlight: Number(attributes['ApproximateNumberOfMessagesNotVisible']),
      };
    },
    async close() {
      for (const each of clients) each.destroy();
      await app.close();
    },
  };
}

/** A TCP relay to the emulator that can be taken down, connections included, and brought back on the same port. */
export interface Relay {
  readonly port: number;
  down(): Promise<void>;
  up(): Promise<void>;
}

export async function startRelay(targetPort: number): Promise<Relay> {
  const sockets = new Set<Socket>();
  const server = createServer((incoming) => {
    const outgoing = connect(targetPort, '127.0.0.1');
    for (const [socket, other] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  const listen = (port: number): Promise<void> =>
    new Promise((resolve) => {
      server.listen(port, '127.0.0.1', () => resolve());
    });
  await listen(0);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    up: () => listen(port),
    down: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** What a client is about to call: the command's name and its input. */
export interface Call {
  readonly command: string;
  readonly input: object;
}

/** Puts `handler` in front of every call of `sqs`; `next` makes the real call, with another input if one is given. */
export function intercept(
  sqs: SQSClient,
  handler: (call: Call, next: (input?: object) => Promise<unknown>) => Promise<unknown>,
): void {
  sqs.middlewareStack.add(
    (next, context) => async (args) => {
      const command = String(context['commandName']).replace(/Command$/, '');
      const call = async (input: object = args.input): Promise<unknown> =>
        (await next({ ...args, input: input as typeof args.input })).output;
      const output = await handler({ command, input: args.input }, call);
      return { output, response: {} } as never;
    },
    { step: 'initialize', priority: 'high', name: 'testIntercept', override: true },
  );
}

/** Notes the commands that `sqs` sends from now on. */
export function recordCalls(sqs: SQSClient): Call[] {
  const calls: Call[] = [];
  intercept(sqs, (call, next) => {
    calls.push(call);
    return next();
  });
  return calls;
}

/** Polls until `condition` holds; the test fails by its own limit otherwise. */
export async function until(condition: () => boolean | Promise<boolean>, limitMs = 10_000): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${limitMs} ms: ${String(condition)}`);
    await sleep(10);
  }
}

export interface LogLine {
  readonly level: keyof Logger;
  readonly facts: object;
  readonly message: string;
}

export function recordingLogger(): Logger & { readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at = (level: keyof Logger) => (facts: object, message: string) => void lines.push({ level, facts, message });
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** A promise and its handles. */
export function deferred<T = void>(): {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
} {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((res, rej) => {
    resolve = res;
    reject = rej;
  });
  return { promise, resolve, reject };
}
