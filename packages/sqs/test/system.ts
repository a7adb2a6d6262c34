import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';
import { spawnModule, startAwsEmulator } from '@asyncmcp/testkit';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SqsClientTransport, SqsServer } from '../src/index.js';
import type { AwsEmulator, ModuleProcess } from '@asyncmcp/testkit';
import type { SqsClientTransportOptions, SqsServerOptions } from '../src/index.js';

/** Everything a system test opens, closed after it in the right order. */
export interface System {
  readonly aws: AwsEmulator;
  readonly requestQueueUrl: string;
  readonly deadLetterQueueUrl: string;
  server(options: Partial<SqsServerOptions> & Pick<SqsServerOptions, 'createServer'>): Promise<SqsServer>;
  transport(options?: Partial<SqsClientTransportOptions>): SqsClientTransport;
  /** A connected client. */
  client(transport?: SqsClientTransport, client?: Client): Promise<Client>;
  /** A server in a process of its own, ready. */
  serverProcess(options?: Record<string, unknown>): Promise<ModuleProcess>;
  /** A directory that is removed afterwards. */
  directory(): Promise<string>;
}

const SERVER_PROCESS = join(import.meta.dirname, 'processes', 'server.mjs');

/** Sets a system up before each test of the calling file, and takes it down after it. */
export function useSystem(): () => System {
  let system: System | undefined;
  let closers: (() => Promise<unknown>)[] = [];

  beforeEach(async () => {
    const aws = await startAwsEmulator();
    closers = [() => aws.stop()];
    const { queueUrl: deadLetterQueueUrl, queueArn } = await aws.createQueue('dead-letters');
    const redrive = JSON.stringify({ deadLetterTargetArn: queueArn, maxReceiveCount: 100 });
    const { queueUrl: requestQueueUrl } = await aws.createQueue('requests', { RedrivePolicy: redrive });
    system = createSystem(aws, { requestQueueUrl, deadLetterQueueUrl }, (close) => closers.push(close));
  });

  afterEach(async () => {
    for (const close of closers.reverse()) await close();
    system = undefined;
  });

  return () => {
    if (system === undefined) throw new Error('no test is running');
    return system;
  };
}

function createSystem(
  aws: AwsEmulator,
  queues: Pick<System, 'requestQueueUrl' | 'deadLetterQueueUrl'>,
  onEnd: (close: () => Promise<unknown>) => void,
): System {
  const { requestQueueUrl } = queues;
  const system: System = {
    aws,
    ...queues,
    async server(options) {
      const server = new SqsServer({ sqs: aws.sqsClient(), requestQueueUrl, drainTimeoutMs: 500, ...options });
      onEnd(() => server.close());
      await server.start();
      return server;
    },
    transport(options = {}) {
      const transport = new SqsClientTransport({ sqs: aws.sqsClient(), requestQueueUrl, ...options });
      onEnd(() => transport.close());
      return transport;
    },
    async client(transport = system.transport(), client = new Client({ name: 'test', version: '1.0.0' })) {
      await client.connect(transport);
      return client;
    },
    async serverProcess(options = {}) {
      const argument = { endpoint: aws.endpoint, requestQueueUrl, visibilityTimeoutSeconds: 2, ...options };
      const child = await spawnModule(SERVER_PROCESS, { args: [JSON.stringify(argument)] });
      onEnd(() => child.kill());
      await child.nextLine((line) => line['event'] === 'ready');
      return child;
    },
    async directory() {
      const directory = await mkdtemp(join(tmpdir(), 'asyncmcp-test-'));
      onEnd(() => rm(directory, { recursive: true, force: true }));
      return directory;
    },
  };
  return system;
}

/** The text of a tool's result. */
export function textOf(result: Awaited<ReturnType<Client['callTool']>>): string {
  const content: unknown = Array.isArray(result.content) ? result.content[0] : undefined;
  const hasText = typeof content === 'object' && content !== null && 'text' in content;
  return hasText ? String(content.text) : '';
}

/** What a call by tool name and arguments came to. */
export async function call(client: Client, name: string, args: Record<string, unknown> = {}): Promise<string> {
  return textOf(await client.callTool({ name, arguments: args }));
}
