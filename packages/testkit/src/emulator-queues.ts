import { EMULATOR_ACCOUNT_ID, EMULATOR_REGION } from './aws-client-config.js';
import { jsonOf } from './emulator-backend.js';
import { toBackendUrl, withCallerUrls } from './emulator-queue-urls.js';
import type { Message, MessageAttributeValue, QueueAttributeName } from '@aws-sdk/client-sqs';
import type { EmulatorBackend } from './emulator-backend.js';

export type QueueAttributes = Partial<Record<QueueAttributeName, string>>;

export interface EmulatedQueue {
  readonly queueUrl: string;
  readonly queueArn: string;
}

export interface MessageCounts {
  /** Waiting to be received. */
  readonly visible: number;
  /** Received, and neither deleted nor given back. */
  readonly inFlight: number;
  /** Sent with a delay that has not passed. */
  readonly delayed: number;
}

/** What tests want to do with queues without a client, and without it being counted. */
export class EmulatorQueues {
  readonly #backend: EmulatorBackend;
  readonly #origin: string;

  constructor(backend: EmulatorBackend, origin: string) {
    this.#backend = backend;
    this.#origin = origin;
  }

  async create(name: string, attributes: QueueAttributes): Promise<EmulatedQueue> {
    const response = await this.#backend.sqs('CreateQueue', { QueueName: name, Attributes: attributes });
    const { QueueUrl } = jsonOf<{ QueueUrl: string }>(withCallerUrls('CreateQueue', response, this.#origin));
    return { queueUrl: QueueUrl, queueArn: `arn:aws:sqs:${EMULATOR_REGION}:${EMULATOR_ACCOUNT_ID}:${name}` };
  }

  async count(queueUrl: string): Promise<MessageCounts> {
    const { messages } = jsonOf<{ messages: HeldMessages }>(await this.#backend.inspect(nameOf(queueUrl)));
    // fauxqs moves what has ripened when somebody receives, not before; AWS does not wait for that
    const now = Date.now();
    const inFlight = messages.inflight.filter(({ visibilityDeadline }) => visibilityDeadline > now).length;
    const delayed = messages.delayed.filter(({ delayUntil = 0 }) => delayUntil > now).length;
    const all = messages.ready.length + messages.inflight.length + messages.delayed.length;
    return { visible: all - inFlight - delayed, inFlight, delayed };
  }

  async drain(queueUrl: string): Promise<Message[]> {
    const all: Message[] = [];
    for (;;) {
      const messages = await this.#take(toBackendUrl(queueUrl, this.#origin));
      if (messages.length === 0) return all;
      all.push(...messages);
    }
  }

  async #take(QueueUrl: string): Promise<Message[]> {
    const names = { MessageSystemAttributeNames: ['All'], MessageAttributeNames: ['All'] };
    const limits = { MaxNumberOfMessages: 10, WaitTimeSeconds: 0 };
    const response = await this.#backend.sqs('ReceiveMessage', { QueueUrl, ...names, ...limits });
    const { Messages = [] } = jsonOf<{ Messages?: Message[] }>(response);
    if (Messages.length > 0) {
      const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
      await this.#backend.sqs('DeleteMessageBatch', { QueueUrl, Entries });
    }
    return Messages.map(withBinaryValues);
  }
}

/** The part of fauxqs' inspection that is needed here. Times are milliseconds since the epoch. */
interface HeldMessages {
  ready: unknown[];
  delayed: { delayUntil?: number }[];
  inflight: { visibilityDeadline: number }[];
}

function nameOf(queueUrl: string): string {
  return queueUrl.slice(queueUrl.lastIndexOf('/') + 1);
}

/** JSON carries them as base64; the SDK's clients hand out bytes, and so do we. */
function withBinaryValues(message: Message): Message {
  const attributes = Object.entries(message.MessageAttributes ?? {});
  if (attributes.length === 0) return message;
  return { ...message, MessageAttributes: Object.fromEntries(attributes.map(([name, value]) => [name, bytes(value)])) };
}

function bytes(value: MessageAttributeValue & { BinaryValue?: unknown }): MessageAttributeValue {
  return typeof value.BinaryValue === 'string'
    ? { ...value, BinaryValue: Buffer.from(value.BinaryValue, 'base64') }
    : value;
}
