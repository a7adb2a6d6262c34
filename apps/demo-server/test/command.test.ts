import { describe, expect, it } from '@jest/globals';
import { CommanderError } from 'commander';
import { createCommand, exitCodeOf, forgetEmptyVariables } from '../src/command.js';
import { TOOLS } from '../src/tools/catalogue.js';
import type { Flags } from '../src/command.js';

interface Outcome {
  flags: Flags;
  /** Undefined if it would go on. */
  exitCode: number | undefined;
  output: string;
}

/** What the command makes of its arguments, in an environment that has these variables and no others that it knows. */
function run(args: readonly string[], variables: Record<string, string> = {}): Outcome {
  const before = process.env;
  let output = '';
  const write = (text: string): void => void (output += text);
  const command = createCommand().configureOutput({ writeOut: write, writeErr: write });
  command.exitOverride();
  try {
    process.env = { ...variables };
    forgetEmptyVariables(command, process.env);
    command.parse(args, { from: 'user' });
    return { flags: command.opts<Flags>(), exitCode: undefined, output };
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return { flags: command.opts<Flags>(), exitCode: exitCodeOf(error), output };
  } finally {
    process.env = before;
  }
}

describe('command', () => {
  it('has sensible defaults', () => {
    expect(run([])).toEqual({
      flags: {
        transport: 'sqs',
        concurrency: 100,
        allowPrivateFetch: false,
        allowWebhookHosts: [],
        logLevel: 'warn',
        host: '127.0.0.1',
        port: 8000,
      },
      exitCode: undefined,
      output: '',
    });
  });

  it.each<[keyof Flags, string, string, string, unknown]>([
    ['transport', '--transport', 'ASYNCMCP_TRANSPORT', 'sns-sqs', 'sns-sqs'],
    ['requestQueueUrl', '--request-queue-url', 'ASYNCMCP_REQUEST_QUEUE_URL', 'http://a.b/q', 'http://a.b/q'],
    ['deadLetterQueueUrl', '--dead-letter-queue-url', 'ASYNCMCP_DEAD_LETTER_QUEUE_URL', 'http://a.b/d', 'http://a.b/d'],
    ['endpoint', '--endpoint', 'AWS_ENDPOINT_URL', 'http://127.0.0.1:4566', 'http://127.0.0.1:4566'],
    ['region', '--region', 'AWS_REGION', 'eu-west-1', 'eu-west-1'],
    ['host', '--host', 'ASYNCMCP_HOST', '0.0.0.0', '0.0.0.0'],
    ['port', '--port', 'ASYNCMCP_PORT', '0', 0],
    ['concurrency', '--concurrency', 'ASYNCMCP_CONCURRENCY', '7', 7],
    ['sessions', '--sessions', 'ASYNCMCP_SESSIONS', '/tmp/sessions', '/tmp/sessions'],
    ['allowPrivateFetch', '--allow-private-fetch', 'ASYNCMCP_ALLOW_PRIVATE_FETCH', 'true', true],
    ['allowPrivateFetch', '--allow-private-fetch', 'ASYNCMCP_ALLOW_PRIVATE_FETCH', 'false', false],
    [
      'allowWebhookHosts',
      '--allow-webhook-hosts',
      'ASYNCMCP_ALLOW_WEBHOOK_HOSTS',
      'client, Hooks.local',
      ['client', 'hooks.local'],
    ],
    ['logLevel', '--log-level', 'LOG_LEVEL', 'debug', 'debug'],
  ])('takes %s from %s and from %s', (name, flag, variable, text, value) => {
    expect(run([flag, text]).flags[name]).toEqual(value);
    expect(run([], { [variable]: text }).flags[name]).toEqual(value);
    expect(run([], { [variable]: '' })).toEqual(run([]));
  });

  it('needs no value to allow private addresses, and takes flags rather than variables', () => {
    expect(run(['--allow-private-fetch']).flags.allowPrivateFetch).toBe(true);
    expect(run(['--allow-private-fetch'], { ASYNCMCP_ALLOW_PRIVATE_FETCH: 'false' }).flags.allowPrivateFetch).toBe(
      true,
    );
  });

  it.each([
    [['--transport', 'carrier-pigeon'], 'Allowed choices are sqs, sns-sqs, webhook, streamable-webhook.'],
    [['--log-level', 'loud'], 'Allowed choices are silent, error, warn, info, debug.'],
    [['--port', '65536'], 'It has to be a whole number from 0 to 65535.'],
    [['--port', '-1'], 'It has to be a whole number from 0 to 65535.'],
    [['--port', '0x50'], 'It has to be a whole number from 0 to 65535.'],
    [['--concurrency', '0'], 'It has to be a whole number from 1 to 10000.'],
    [['--concurrency', '1.5'], 'It has to be a whole number from 1 to 10000.'],
    [['--allow-private-fetch', 'perhaps'], 'It has to be true or false.'],
    [['--allow-webhook-hosts', 'http://client'], 'It has to be host names with commas between them.'],
    [['--request-queue-url', 'demo-requests'], 'It has to be an http or https URL.'],
    [['--endpoint', 'localhost:4566'], 'It has to be an http or https URL.'],
    [['--prot', '80'], "unknown option '--prot'"],
    [['8000'], 'too many arguments'],
    [['--port'], "option '--port <number>' argument missing"],
  ])('refuses %j with code 2', (args, message) => {
    const { exitCode, output } = run(args);
    expect(output).toContain(message);
    expect(exitCode).toBe(2);
  });

  it('says which variable is wrong', () => {
    const { exitCode, output } = run([], { ASYNCMCP_PORT: 'http' });
    expect(output).toContain("from env 'ASYNCMCP_PORT' is invalid");
    expect(exitCode).toBe(2);
  });

  it('has help that lists options and tools, and fits into 80 columns', () => {
    const { exitCode, output } = run(['--help']);
    expect(exitCode).toBe(0);
    for (const name of Object.keys(TOOLS)) expect(output).toMatch(new RegExp(`^  ${name} +[A-Z]`, 'm'));
    for (const { long = '', envVar = '' } of createCommand().options) {
      expect(output).toMatch(new RegExp(`^  ${long} `, 'm'));
      expect(output).toContain(`(env: ${envVar}`);
    }
    for (const line of output.split('\n')) expect([line, line.length <= 80]).toEqual([line, true]);
  });
});
