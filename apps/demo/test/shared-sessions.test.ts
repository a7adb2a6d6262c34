import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SqsClientTransport } from '@asyncmcp/sqs';
import { StreamableWebhookClientTransport } from '@asyncmcp/streamable-webhook';
import { WebhookClientTransport, WebhookReceiver } from '@asyncmcp/webhook';
import { startAwsEmulator, until } from '@asyncmcp/testkit';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { finish, printed, start } from './support.js';
import type { AwsEmulator, ModuleProcess } from '@asyncmcp/testkit';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';

const server = import.meta.resolve('@asyncmcp/demo-server/main');

describe.each([
  ['webhook', WebhookClientTransport],
  ['streamable-webhook', StreamableWebhookClientTransport],
] as const)('a demo server over %s that is killed and started again on its folder of sessions', (name, Transport) => {
  it('goes on with the sessions that were open, and lets what runs finish before it stops', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'asyncmcp-demo-'));
    const receiver = new WebhookReceiver({ path: '/webhook' });
    const { url: origin } = await receiver.listen({ host: '127.0.0.1', port: 0 });
    const client = new Client({ name: 'test', version: '1.0.0' });
    const run = (port: string): Promise<ModuleProcess> =>
      start(server, ['--transport', name, '--port', port, '--sessions', folder]);
    let child = await run('0');
    try {
      await printed(child, ' ready: ');
      const serverUrl = / at (http:\S+)/.exec(child.output)?.[1] ?? '';
      await client.connect(new Transport({ serverUrl, webhookUrl: `${origin}/webhook`, receiver }));
      await child.kill('SIGKILL');
      child = await run(new URL(serverUrl).port);
      await printed(child, ' ready: ');
      const answer = await client.callTool({ name: 'wait', arguments: { seconds: 0.1 } });
      expect(answer).toMatchObject({ content: [{ text: 'waited 0.1 s' }] });
      expect(child.output).toContain('session taken up again by test');

      const last = client.callTool({ name: 'wait', arguments: { seconds: 1 } });
      await until(() => child.output.match(/wait #\d+ started/g)?.length === 2, { message: () => child.output });
      expect(await child.kill('SIGTERM')).toEqual({ code: 0, signal: null });
      expect(await last).toMatchObject({ content: [{ text: 'waited 1 s' }] });
      expect(child.output).toContain('stopping; gives 1 call up to 30 s (Ctrl-C: at once)');
      expect(child.output).toContain(`sessions are kept in ${folder}`);
    } finally {
      await client.close();
      await receiver.close();
      await child.kill();
      await rm(folder, { recursive: true });
    }
  });
});

describe('demo servers with one folder of sessions', () => {
  const running: ModuleProcess[] = [];
  let emulator: AwsEmulator;
  let requestQueueUrl: string;
  let folder: string;

  beforeEach(async () => {
    emulator = await startAwsEmulator();
    ({ queueUrl: requestQueueUrl } = await emulator.createQueue('requests'));
    folder = await mkdtemp(join(tmpdir(), 'asyncmcp-demo-'));
  });

  afterEach(async () => {
    for (const child of running.splice(0)) await child.kill();
    await emulator.stop();
    await rm(folder, { recursive: true });
  });

  async function run(sessions: string): Promise<ModuleProcess> {
    const { accessKeyId, secretAccessKey } = emulator.clientConfig.credentials;
    const child = await start(server, ['--sessions', sessions, '--request-queue-url', requestQueueUrl], {
      ASYNCMCP_TRANSPORT: 'sqs',
      AWS_ENDPOINT_URL: emulator.endpoint,
      AWS_REGION: emulator.region,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
    });
    running.push(child);
    return child;
  }

  /** A client, and the results that have come to it. */
  async function connect(): Promise<{ client: Client; results: JSONRPCMessage[] }> {
    const transport = new SqsClientTransport({ sqs: emulator.sqsClient(), requestQueueUrl });
    const client = new Client({ name: 'test', version: '1.0.0' });
    await client.connect(transport);
    const results: JSONRPCMessage[] = [];
    const { onmessage } = transport;
    transport.onmessage = (message, extra) => {
      if ('result' in message) results.push(message);
      onmessage?.(message, extra);
    };
    return { client, results };
  }

  // What was received comes back when its visibility timeout has passed, 30 seconds after.
  it('do what one of them was doing when it was killed: the call is answered, once', async () => {
    const servers = [await run(join(folder, 'sessions')), await run(join(folder, 'sessions'))];
    for (const child of servers) await printed(child, ' ready: ');
    const { client, results } = await connect();
    try {
      const answer = client.callTool({ name: 'wait', arguments: { seconds: 5 } }, undefined, { timeout: 100_000 });
      const busy = await until(() => servers.find(({ output }) => /wait #\d+ started/.test(output)));
      const other = servers.find((child) => child !== busy);
      expect(await busy.kill('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' });

      expect(await answer).toMatchObject({ content: [{ text: 'waited 5 s' }] });
      expect(other?.output).toMatch(/wait #(\d+) started\n(?:.*\n)*.*wait #\1 answered/);
      // The session lives on where it was not opened, and has no second answer.
      expect(await client.callTool({ name: 'greet', arguments: { name: 'Ada' } })).toMatchObject({
        content: [{ text: 'Hello, Ada!' }],
      });
      expect(results).toHaveLength(2);
      expect(await other?.kill('SIGTERM')).toEqual({ code: 0, signal: null });
      expect(await emulator.messages(requestQueueUrl)).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
    } finally {
      await client.close();
    }
  }, 120_000);

  it('say so at once when nothing can be kept there', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    const { code, lines } = await finish(await run(join(file, 'sessions')));
    expect(lines.join('\n')).toMatch(/ERR_INVALID_OPTION: --sessions: give a folder that .* \(ENOTDIR/);
    expect(code).toBe(2);
  });
});
