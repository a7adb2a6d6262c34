import { SQSClient } from '@aws-sdk/client-sqs';
import { EMULATOR_REGION, awsClientConfig } from './aws-client-config.js';
import { Counter } from './counts.js';
import { EmulatorBackend } from './emulator-backend.js';
import { EmulatorListener } from './emulator-listener.js';
import { EmulatorQueues } from './emulator-queues.js';
import { EmulatorService } from './emulator-service.js';
import type { Message, SQSClientConfig } from '@aws-sdk/client-sqs';
import type { AwsClientConfig } from './aws-client-config.js';
import type { Counts } from './counts.js';
import type { EmulatedQueue, MessageCounts, QueueAttributes } from './emulator-queues.js';

export interface AwsEmulatorOptions {
  /** Default 0: any free port of 127.0.0.1. */
  port?: number;
}

/** SQS and SNS in this process's memory, on a port of 127.0.0.1. */
export interface AwsEmulator {
  readonly endpoint: string;
  readonly port: number;
  readonly region: string;
  /** For clients of other services: `new SNSClient(emulator.clientConfig)`. Theirs to destroy. */
  readonly clientConfig: AwsClientConfig;
  /** The calls that came over the wire. Those of the helpers below are not among them. */
  readonly calls: Counts;
  /** A new client for this emulator; destroyed by `stop()`. */
  sqsClient(config?: SQSClientConfig): SQSClient;
  /** A name that ends in `.fifo` makes a FIFO queue. */
  createQueue(name: string, attributes?: QueueAttributes): Promise<EmulatedQueue>;
  /** How many messages a queue holds. Looking takes none, and works during an outage. */
  messages(queueUrl: string): Promise<MessageCounts>;
  /** Takes all visible messages out of a queue for good, with all their attributes. */
  receiveAll(queueUrl: string): Promise<Message[]>;
  /** From now on connections are refused, and those there are broken; the state stays. */
  outage(): Outage;
  /** Breaks what is open, long polls included. */
  stop(): Promise<void>;
}

export interface Outage {
  /** Accepts connections on the same port again. */
  end(): Promise<void>;
}

/** Needs real timers: under jest's fake ones a long poll would not end. */
export async function startAwsEmulator(options: AwsEmulatorOptions = {}): Promise<AwsEmulator> {
  const backend = new EmulatorBackend();
  const calls = new Counter();
  const service = new EmulatorService(backend, (action) => calls.add(action));
  const listener = new EmulatorListener((request, caller) => service.answer(request, caller));
  try {
    await listener.open(options.port ?? 0);
  } catch (error) {
    await backend.close();
    throw error;
  }
  return new RunningEmulator(backend, listener, calls);
}

class RunningEmulator implements AwsEmulator {
  readonly region = EMULATOR_REGION;
  readonly endpoint: string;
  readonly port: number;
  readonly clientConfig: AwsClientConfig;
  readonly calls: Counts;
  readonly #backend: EmulatorBackend;
  readonly #listener: EmulatorListener;
  readonly #queues: EmulatorQueues;
  readonly #clients = new Set<SQSClient>();
  #shut: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(backend: EmulatorBackend, listener: EmulatorListener, calls: Counts) {
    this.endpoint = listener.origin;
    this.port = listener.port;
    this.clientConfig = awsClientConfig(listener.origin);
    this.calls = calls;
    this.#backend = backend;
    this.#listener = listener;
    this.#queues = new EmulatorQueues(backend, listener.origin);
  }

  sqsClient(config: SQSClientConfig = {}): SQSClient {
    const client = new SQSClient({ ...this.clientConfig, ...config });
    this.#clients.add(client);
    return client;
  }

  createQueue(name: string, attributes: QueueAttributes = {}): Promise<EmulatedQueue> {
    return this.#queues.create(name, attributes);
  }

  messages(queueUrl: string): Promise<MessageCounts> {
    return this.#queues.count(queueUrl);
  }

  receiveAll(queueUrl: string): Promise<Message[]> {
    return this.#queues.drain(queueUrl);
  }

  outage(): Outage {
    if (this.#stopped !== undefined) throw new Error('The emulator was stopped');
    if (this.#shut !== undefined) throw new Error('There is an outage already; end it first');
    const shut = this.#listener.shut();
    this.#shut = shut;
    let ended: Promise<void> | undefined;
    return { end: () => (ended ??= this.#endOutage(shut)) };
  }

  async #endOutage(shut: Promise<void>): Promise<void> {
    await shut;
    if (this.#stopped !== undefined) return;
    await this.#listener.reopen();
    this.#shut = undefined;
  }

  stop(): Promise<void> {
    return (this.#stopped ??= this.#stop());
  }

  async #stop(): Promise<void> {
    for (const client of this.#clients) client.destroy();
    await (this.#shut ?? this.#listener.shut());
    await this.#backend.close();
  }
}
