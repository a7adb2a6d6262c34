import { afterEach, beforeEach } from '@jest/globals';
import { startAwsEmulator } from '@asyncmcp/testkit';
import { SNSClient } from '@aws-sdk/client-sns';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { z } from 'zod';
import { SnsSqsClientTransport, SnsSqsServer, provisionSnsSqs } from '../src/index.js';
import type { AwsEmulator } from '@asyncmcp/testkit';
import type { SnsSqsClientTransportOptions, SnsSqsServerOptions, SnsSqsTopology } from '../src/index.js';

/** Everything a system test opens, closed after it in the right order. */
export interface System {
  readonly aws: AwsEmulator;
  readonly topology: SnsSqsTopology;
  sns(): SNSClient;
  server(options?: Partial<SnsSqsServerOptions>): Promise<SnsSqsServer>;
  transport(options?: Partial<SnsSqsClientTransportOptions>): SnsSqsClientTransport;
  /** A connected client. */
  client(transport?: SnsSqsClientTransport, client?: Client): Promise<Client>;
  /** A further response queue, subscribed to the response topic. */
  responseQueue(name: string, options?: { clientId?: string; rawMessageDelivery?: boolean }): Promise<SnsSqsTopology>;
}

/** Sets a system up before each test of the calling file, and takes it down after it. */
export function useSystem(): () => System {
  let system: System | undefined;
  let closers: (() => Promise<unknown>)[] = [];

  beforeEach(async () => {
    const aws = await startAwsEmulator();
    closers = [() => aws.stop()];
    system = await createSystem(aws, (close) => closers.push(close));
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

async function createSystem(aws: AwsEmulator, onEnd: (close: () => Promise<unknown>) => void): Promise<System> {
  const sns = (): SNSClient => {
    const client = new SNSClient(aws.clientConfig);
    onEnd(async () => client.destroy());
    return client;
  };
  const names = { requestTopicName: 'requests', requestQueueName: 'requests', responseTopicName: 'responses' };
  const provision = (options: object = {}): Promise<SnsSqsTopology> =>
    provisionSnsSqs({ sns: sns(), sqs: aws.sqsClient(), ...names, ...options });
  const topology = await provision();
  const { requestQueueUrl, requestTopicArn, responseTopicArn } = topology;
  const system: System = {
    aws,
    topology,
    sns,
    responseQueue: (responseQueueName, options = {}) => provision({ responseQueueName, ...options }),
    async server(options = {}) {
      const common = { sns: sns(), sqs: aws.sqsClient(), requestQueueUrl, drainTimeoutMs: 500 };
      const server = new SnsSqsServer({ ...common, createServer: () => createEcho('echo'), ...options });
      onEnd(() => server.close());
      await server.start();
      return server;
    },
    transport(options = {}) {
      const common = { sns: sns(), sqs: aws.sqsClient(), requestTopicArn, responseTopicArn };
      const transport = new SnsSqsClientTransport({ ...common, ...options });
      onEnd(() => transport.close());
      return transport;
    },
    async client(transport = system.transport(), client = new Client({ name: 'test', version: '1.0.0' })) {
      await client.connect(transport);
      return client;
    },
  };
  return system;
}

/** A server whose tool `echo` says its text, and whose tool `wait` never ends. */
export function createEcho(name: string): McpServer {
  const server = new McpServer({ name, version: '1.0.0' }, { capabilities: { tools: { listChanged: true } } });
  server.registerTool('echo', { inputSchema: { text: z.string() } }, ({ text }) => ({
    content: [{ type: 'text', text }],
  }));
  server.registerTool('wait', {}, (_extra) => new Promise<never>(() => {}));
  return server;
}

/** What the tool `echo` says. */
export async function echo(client: Client, text: string): Promise<string> {
  const { content } = await client.callTool({ name: 'echo', arguments: { text } });
  const first: unknown = Array.isArray(content) ? content[0] : undefined;
  const hasText = typeof first === 'object' && first !== null && 'text' in first;
  return hasText ? String(first.text) : '';
}
