import { afterEach, describe, expect, it } from '@jest/globals';
import { provisionSnsSqs } from '@asyncmcp/sns-sqs';
import { awsClientConfig } from '@asyncmcp/testkit';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { DEMO_TOPOLOGY } from '../src/sns-sqs.js';
import { emulator, finish, printed, start } from './support.js';
import type { ModuleProcess } from '@asyncmcp/testkit';

const server = import.meta.resolve('@asyncmcp/demo-server/main');
const client = import.meta.resolve('@asyncmcp/demo-client/main');

describe('emulator, server and client by hand', () => {
  const running: ModuleProcess[] = [];

  async function run(
    file: string | URL,
    args: readonly string[],
    env: Record<string, string> = {},
  ): Promise<ModuleProcess> {
    const child = await start(file, args, env);
    running.push(child);
    return child;
  }

  /** An emulator, and the environment that it tells its user to set, who has tried another transport before. */
  async function startEmulator(transport = 'sqs'): Promise<{ endpoint: string; env: Record<string, string> }> {
    const child = await run(emulator, ['--port', '0']);
    await printed(child, 'node apps/demo-client');
    const env: Record<string, string> = { ASYNCMCP_TRANSPORT: 'streamable-webhook' };
    const [forQueues = ''] = child.output.split('to go through the topics');
    const said = transport === 'sqs' ? forQueues : child.output;
    for (const [, name = '', value = ''] of said.matchAll(/ ([A-Z_]+)=(\S+)/g)) env[name] = value;
    return { endpoint: env['AWS_ENDPOINT_URL'] ?? '', env };
  }

  async function startServer(env: Record<string, string>): Promise<ModuleProcess> {
    const child = await run(server, [], env);
    await printed(child, ' ready: ');
    return child;
  }

  afterEach(async () => {
    for (const child of running.splice(0)) await child.kill();
  });

  it('works as the emulator says', async () => {
    const { env } = await startEmulator('sqs');
    const serverProcess = await startServer(env);
    const { code, lines } = await finish(await run(client, ['--scenario'], env));
    expect(lines.join('\n')).toContain('8 of 8 steps checked');
    expect(code).toBe(0);
    expect(await serverProcess.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(serverProcess.output).toContain('greet #2 answered');
    expect(serverProcess.output).toContain('wait #6 cancelled');
  });

  it('works over topics, too', async () => {
    const { env } = await startEmulator('sns-sqs');
    await startServer(env);
    const { code, lines } = await finish(await run(client, ['--scenario'], env));
    expect(lines.join('\n')).toContain('subscription created');
    expect(lines.join('\n')).toContain('9 of 9 steps checked');
    expect(code).toBe(0);
  });

  it('takes replies from a topic through a queue of one’s own', async () => {
    const { endpoint, env } = await startEmulator('sns-sqs');
    await startServer(env);
    const config = awsClientConfig(endpoint);
    const [sns, sqs] = [new SNSClient(config), new SQSClient(config)];
    const names = { responseQueueName: 'mine', clientId: 'me' };
    const { responseQueueUrl = '' } = await provisionSnsSqs({ sns, sqs, ...DEMO_TOPOLOGY, ...names });
    sns.destroy();
    sqs.destroy();
    const args = ['--response-queue-url', responseQueueUrl, '--client-id', 'me'];
    const { code, lines } = await finish(await run(client, ['--scenario', ...args], env));
    expect(lines.join('\n')).toMatch(/← mine +result #2/);
    expect(code).toBe(0);
  });

  it('replies to a queue of one’s own', async () => {
    const { endpoint, env } = await startEmulator();
    await startServer(env);
    const queueUrl = `${endpoint}/000000000000/demo-dead-letters`;
    const { code, lines } = await finish(await run(client, ['--scenario', '--response-queue-url', queueUrl], env));
    expect(lines.join('\n')).toMatch(/← demo-dead-letters +result #2/);
    expect(code).toBe(0);
  });

  it('names the step that fails when no server is there', async () => {
    const { code, lines } = await finish(
      await run(client, ['--scenario', '--timeout', '0.2'], (await startEmulator()).env),
    );
    expect(lines.join('\n')).toContain('0 of 8 steps checked, "handshake" failed');
    expect(code).toBe(1);
  });

  it('says what to do when the queue is not given', async () => {
    for (const file of [server, client]) {
      const { code, lines } = await finish(await run(file, [], { ASYNCMCP_REQUEST_QUEUE_URL: '' }));
      expect(lines.join('\n')).toContain('give --request-queue-url, or set ASYNCMCP_REQUEST_QUEUE_URL');
      expect(code).toBe(2);
    }
  });

  it('says so when a queue is given to a transport that has none', async () => {
    const env = { ASYNCMCP_REQUEST_QUEUE_URL: 'http://127.0.0.1:4566/000000000000/demo-requests' };
    const warning = /ASYNCMCP_REQUEST_QUEUE_URL is set, but not used: the transport is (?:streamable-)?webhook/;
    await printed(await run(server, ['--port', '0'], { ...env, ASYNCMCP_TRANSPORT: 'webhook' }), 'ready');
    expect(running[0]?.output).toMatch(warning);
    const { lines } = await finish(await run(client, ['--transport', 'streamable-webhook'], env));
    expect(lines.join('\n')).toMatch(warning);
  });

  it('says what to do when the topics are not given', async () => {
    const env = { ASYNCMCP_REQUEST_TOPIC_ARN: '', ASYNCMCP_RESPONSE_TOPIC_ARN: '' };
    const { code, lines } = await finish(await run(client, ['--transport', 'sns-sqs'], env));
    expect(lines.join('\n')).toContain('give --request-topic-arn and --response-topic-arn');
    expect(code).toBe(2);
  });

  it('says so when the queue does not exist', async () => {
    const { endpoint, env } = await startEmulator();
    const missing = `${endpoint}/000000000000/no-such-queue`;
    const { code, lines } = await finish(await run(server, ['--request-queue-url', missing], env));
    expect(lines.join('\n')).toContain('ERR_DESTINATION_GONE');
    expect(code).toBe(1);
  });
});
