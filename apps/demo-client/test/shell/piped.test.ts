import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { text } from 'node:stream/consumers';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, describe, expect, it } from '@jest/globals';
import { provisionSnsSqs } from '@asyncmcp/sns-sqs';
import { listenOnLoopback, startAwsEmulator, until } from '@asyncmcp/testkit';
import { SNSClient } from '@aws-sdk/client-sns';
import { startHttpServer, startServer } from './servers.js';
import type { ChildProcess } from 'node:child_process';
import type { AwsEmulator, ModuleProcess } from '@asyncmcp/testkit';
import type { DemoServer } from './servers.js';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

interface Piped {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/** The command, with these lines for its input. */
async function pipe(
  lines: readonly string[],
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Piped> {
  const child = spawn(process.execPath, [MAIN, ...args], { env: { ...process.env, ...env } });
  child.stdin.end(lines.map((line) => `${line}\n`).join(''));
  const closed = once(child, 'close');
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  await closed;
  return { code: child.exitCode, output, errors };
}

function awsEnvironment({ endpoint, region, clientConfig: { credentials } }: AwsEmulator): Record<string, string> {
  return {
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: region,
  };
}

const SESSION = [
  'init',
  'tools',
  'call greet name="Ada Lovelace"',
  'call count_words text="So it is. Or not?"',
  'call introduce',
  'Grace',
  'call server_info',
  'read demo://about',
  'prompt summarize url=https://example.com/',
  'call wait seconds=60 &',
  'cancel 5',
  'sessions',
  'end',
  'quit',
];

const ANSWERS = [
  /✓ connected to asyncmcp-demo-server \d/,
  /session {4}[\da-f-]{36}\n {2}protocol {3}20\d\d-/,
  /✓ #1 greet after \d+ ms: Hello, Ada Lovelace!/,
  / {2}#2 count_words \[████████\] 2\/2, \d s\n/,
  /✓ #2 count_words after .*: 5 words in 2 sentences/,
  /\? The server asks: What is your name\?\n.*\nName> Grace\n {2}Answered name=Grace/,
  /✓ #3 introduce after .*: Nice to meet you, Grace!/,
  /# asyncmcp demo server\n/,
  /user: Get https:\/\/example\.com\/ with the tool fetch/,
  /✗ #5 wait given up after .*: cancelled/,
  /✓ ended session [\da-f-]{36}/,
];

describe('commands from a pipe', () => {
  const running: { close(): unknown }[] = [];

  async function serve(starting: Promise<{ child: ModuleProcess; where: string }>): Promise<string> {
    const { child, where } = await starting;
    running.push({ close: () => child.kill() });
    return where;
  }

  afterEach(async () => {
    for (const each of running.splice(0)) await each.close();
  });

  it.each(['webhook', 'streamable-webhook'] as const)('work over %s', async (transport) => {
    const url = await serve(startHttpServer(transport));
    const { code, output, errors } = await pipe(SESSION, ['--transport', transport, '--server-url', url]);
    for (const answer of ANSWERS) expect(output).toMatch(answer);
    expect(output).toMatch(new RegExp(`transport +${transport}`));
    expect(output).toMatch(new RegExp(`requests +posted to ${url}`));
    const marked = [...output.matchAll(/^(\S+) ⇠ answers by webhook$/gm)].map(([, name = '']) => name);
    expect(marked).toEqual(transport === 'webhook' ? [] : ['analyze', 'count_words', 'wait']);
    expect(errors).toBe('');
    expect(stripVTControlCharacters(output)).toBe(output);
    expect(output.split('\n').filter((line) => line.length > 80)).toEqual([]);
    expect(code).toBe(0);
  });

  it.each(['sqs', 'sns-sqs'] as const)('work over %s', async (transport) => {
    const emulator = await startAwsEmulator();
    running.unshift({ close: () => emulator.stop() });
    const sns = new SNSClient(emulator.clientConfig);
    const names = { requestTopicName: 'calls', requestQueueName: 'server', responseTopicName: 'replies' };
    const topology = await provisionSnsSqs({ sns, sqs: emulator.sqsClient(), ...names });
    sns.destroy();
    const env = {
      ...awsEnvironment(emulator),
      ASYNCMCP_TRANSPORT: transport,
      ASYNCMCP_REQUEST_QUEUE_URL: topology.requestQueueUrl,
      ASYNCMCP_REQUEST_TOPIC_ARN: topology.requestTopicArn,
      ASYNCMCP_RESPONSE_TOPIC_ARN: topology.responseTopicArn,
    };
    await serve(startServer([], env));
    const more = transport === 'sqs' ? [] : ['call announce text=Lunch!'];
    const { code, output, errors } = await pipe([...SESSION.slice(0, -2), ...more, ...SESSION.slice(-2)], [], env);
    for (const answer of ANSWERS) expect(output).toMatch(answer);
    const news = [...output.matchAll(/^The server says: (.*)$/gm)].map(([, said = '']) => said);
    expect(news).toEqual(transport === 'sqs' ? [] : ['Lunch! (info, announce)']);
    expect(output).toContain(transport === 'sqs' ? 'to the queue server' : 'to the topic calls');
    expect(output).toMatch(/temporary\s+queue, deleted\s+at\s+the\s+end/);
    expect(errors).toBe('');
    expect(output.split('\n').filter((line) => line.length > 80)).toEqual([]);
    expect(code).toBe(0);
  });

  it('get pages, and say how far they are', async () => {
    const page = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<title>One</title><h1>One</h1><p>Two words</p>');
    });
    const origin = await listenOnLoopback(page);
    running.push({ close: () => page.close() });
    const url = await serve(startHttpServer('webhook'));
    const lines = ['init', `call fetch url=${origin}/ maxCharacters=9`, `call analyze url=${origin}/`];
    const { code, output } = await pipe(lines, ['--transport', 'webhook', '--server-url', url]);
    expect(output).toMatch(/✓ #1 fetch .*\n(?: .*\n)* {2}status +200\n/);
    expect(output).toMatch(/#2 analyze \[████░░░░\] 1\/2 got \d+ bytes/);
    expect(output).toMatch(/✓ #2 analyze .*\n(?: .*\n)* {2}title +One\n/);
    expect(code).toBe(0);
  });

  it('say in one line each what failed, and go on', async () => {
    const url = await serve(startHttpServer('webhook'));
    const lines = [
      'tools',
      'frobnicate',
      'init',
      'call nothing',
      'call greet',
      'call divide dividend=1 divisor=zero',
      'call divide dividend=1 divisor=0',
      'read demo://nothing',
      'prompt summarize',
      'call wait seconds=3.5',
      'call wait seconds=3600 &',
      'call greet name=Ada',
      'quit',
    ];
    const args = ['--transport', 'webhook', '--server-url', url, '--timeout', '3'];
    const { code, output, errors } = await pipe(lines, args);
    expect(output.split('\n').filter((line) => line.startsWith('✗'))).toEqual([
      '✗ Not connected; init connects.',
      '✗ There is no command "frobnicate"; help lists them.',
      expect.stringMatching(/^✗ There is no tool "nothing"; there are .*greet/),
      '✗ greet needs name=<text> as well.',
      '✗ divisor=<number> does not take "zero".',
      expect.stringMatching(/^✗ #1 divide failed after .*: Cannot divide 1 by zero\.$/),
      expect.stringMatching(/^✗ error -32602: .*demo:\/\/nothing/),
      '✗ summarize needs url=<text> as well.',
      expect.stringMatching(/^✗ #3 wait given up after .*: leaving$/),
    ]);
    // It reports each tenth of a second, so that the time never runs out.
    expect(output).toMatch(/✓ #2 wait after .*: waited 3\.5 s/);
    expect(errors).toBe('');
    expect(code).toBe(1);
  });

  it('say so when no server is there, and exit with 1', async () => {
    const { child, where } = await startHttpServer('webhook');
    await child.kill();
    const args = ['--transport', 'webhook', '--server-url', where, '--timeout', '2'];
    const { code, output, errors } = await pipe(['init', 'tools'], args);
    expect(output).toMatch(/^> init\n✗ ERR_UNAVAILABLE: .*\n> tools\n✗ Not connected; init connects\.\n$/);
    expect(errors).toBe('');
    expect(code).toBe(1);
  });

  it('are given up when the process is to end', async () => {
    const url = await serve(startHttpServer('webhook'));
    const child = spawn(process.execPath, [MAIN, '--transport', 'webhook', '--server-url', url]);
    running.unshift({ close: () => child.kill('SIGKILL') });
    const closed = once(child, 'close');
    let output = '';
    child.stdout.on('data', (chunk) => (output += String(chunk)));
    child.stdin.write('init\ncall wait seconds=60\ntools\n');
    await until(() => output.includes('#1 wait ['));
    child.kill('SIGTERM');
    await closed;
    expect(output).toMatch(/✗ #1 wait given up after .*: interrupted\n$/);
    expect(child.exitCode).toBe(130);
  });

  describe.each(['webhook', 'streamable-webhook', 'sqs'] as const)('over %s', (transport) => {
    /** A client with a call that runs, at a server that is started again without its sessions. */
    async function loseSession(): Promise<{ child: ChildProcess; said: () => string }> {
      const start = await serverThatCanBeRestarted(transport);
      const first = await start();
      const args = ['--transport', transport, ...(transport === 'sqs' ? [] : ['--server-url', first.where])];
      const child = spawn(process.execPath, [MAIN, ...args], { env: { ...process.env, ...first.env } });
      running.unshift({ close: () => child.kill('SIGKILL') });
      let said = '';
      child.stdout.on('data', (chunk) => (said += String(chunk)));
      child.stdin.write('init\ncall wait seconds=60 &\n');
      await until(() => said.includes('#1 wait ['), { message: () => said });
      await first.child.kill();
      await start();
      return { child, said: () => said };
    }

    async function serverThatCanBeRestarted(
      how: typeof transport,
    ): Promise<() => Promise<DemoServer & { env: Record<string, string> }>> {
      const env: Record<string, string> = {};
      let port = '0';
      if (how === 'sqs') {
        const emulator = await startAwsEmulator();
        running.push({ close: () => emulator.stop() });
        const { queueUrl } = await emulator.createQueue('requests');
        Object.assign(env, awsEnvironment(emulator), { ASYNCMCP_REQUEST_QUEUE_URL: queueUrl });
      }
      return async () => {
        const server = await (how === 'sqs' ? startServer([], env) : startHttpServer(how, port));
        if (how !== 'sqs') ({ port } = new URL(server.where));
        running.unshift({ close: () => server.child.kill() });
        return { ...server, env };
      };
    }

    it.each([
      ['before anybody noticed', [], ''],
      ['when a call has failed by it', ['call greet name=Ada'], '! The session is lost; init opens a new one.'],
    ])('quit quietly from a session that is lost, %s', async (_when, lines, news) => {
      const { child, said } = await loseSession();
      const closed = once(child, 'close');
      child.stdin?.write([...lines, 'quit'].map((line) => `${line}\n`).join(''));
      await closed;
      const [before = '', after = ''] = said().split('> quit\n');
      expect(before).toContain(news);
      expect(after).toMatch(/^(?:✗ #1 wait given up after .*: leaving\n)?$/);
    });
  });

  it('answer nothing when there are no more', async () => {
    const url = await serve(startHttpServer('webhook'));
    const { code, output } = await pipe(['init', 'call introduce'], ['--transport', 'webhook', '--server-url', url]);
    expect(output).toMatch(/Put away\.\n✓ #1 introduce/);
    expect(code).toBe(0);
  });
});

describe('the command', () => {
  it('says what it takes, in 80 columns', async () => {
    const { code, output } = await pipe([], ['--help']);
    expect(output).toContain('--scenario');
    expect(output.split('\n').filter((line) => line.length > 80)).toEqual([]);
    expect(code).toBe(0);
  });

  it.each([
    ['--timeout', '0'],
    ['--webhook-port', '70000'],
    ['--transport', 'pigeon'],
    ['--page-url', 'ftp://example.com'],
  ])('exits with 2 for %s %s', async (...args) => {
    const { code, errors } = await pipe([], args);
    expect(errors).toContain(args[0]);
    expect(code).toBe(2);
  });
});
