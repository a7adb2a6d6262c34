import { DeleteMessageCommand, ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { startAwsEmulator } from '@asyncmcp/testkit';
import type { Message, SendMessageCommandInput, SQSClient, SQSClientConfig } from '@aws-sdk/client-sqs';
import type { Logger } from '@asyncmcp/core';
import type { AwsEmulator, MessageCounts, QueueAttributes } from '@asyncmcp/testkit';

/** The emulator, with short-hands for what these tests do with its queues. */
export interface Emulator extends Pick<AwsEmulator, 'outage' | 'stop'> {
  readonly sqs: SQSClient;
  /** A client of one's own, to put middleware into. */
  client(config?: SQSClientConfig): SQSClient;
  /** Resolves with the queue's URL. */
  createQueue(name: string, attributes?: QueueAttributes): Promise<string>;
  send(queueUrl: string, body: string, rest?: Partial<SendMessageCommandInput>): Promise<string>;
  /** Takes what is visible, without waiting, and leaves it invisible for the queue's timeout. */
  receive(queueUrl: string): Promise<Message[]>;
  /** Takes what is there for good, one message of a group after the other. */
  drain(queueUrl: string): Promise<Message[]>;
  count(queueUrl: string): Promise<MessageCounts>;
}

export async function startEmulator(): Promise<Emulator> {
  const emulator = await startAwsEmulator();
  const sqs = emulator.sqsClient();
  const receive = async (QueueUrl: string): Promise<Message[]> => {
    const names = { MessageAttributeNames: ['All'], MessageSystemAttributeNames: ['All' as const] };
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, ...names }),
    );
    return Messages;
  };
  return {
    sqs,
    client: (config) => emulator.sqsClient(config),
    createQueue: async (name, attributes) => (await emulator.createQueue(name, attributes)).queueUrl,
    async send(QueueUrl, MessageBody, rest = {}) {
      const { MessageId } = await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody, ...rest }));
      return MessageId ?? '';
    },
    receive,
    async drain(QueueUrl) {
      const all: Message[] = [];
      for (let batch = await receive(QueueUrl); batch.length > 0; batch = await receive(QueueUrl)) {
        all.push(...batch);
        for (const { ReceiptHandle } of batch) await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      }
      return all;
    },
    count: (queueUrl) => emulator.messages(queueUrl),
    outage: () => emulator.outage(),
    stop: () => emulator.stop(),
  };
}

/** The bodies of messages, in alphabetical order. */
export function sortedBodies(messages: readonly Message[]): string[] {
  return messages.map(({ Body = '' }) => Body).toSorted((a, b) => a.localeCompare(b));
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
      const call = async (input: object = args.input): Promise<unknown> => (await next({ ...args, input })).output;
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
