import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openShell } from '../../src/shell/open-shell.js';
import { createStyle } from '../../src/style.js';
import { Trace } from '../../src/trace.js';
import { openWebhookClient } from '../../src/webhook-client.js';
import { startHttpServer } from './servers.js';
import { Key, Keyboard, Screen, expectAll, expectEnd, expectText, expectWhen } from './support.js';
import type { WebhookClientSide } from '../../src/webhook-client.js';
import type { DemoServer } from './servers.js';

describe('commands at a terminal', () => {
  let server: DemoServer;
  let side: WebhookClientSide;
  let keyboard: Keyboard;
  let screen: Screen;
  let folder: string;
  let stop: AbortController;
  let code: Promise<number>;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'asyncmcp-shell-'));
    server = await startHttpServer('webhook');
    const trace = new Trace({ countsOnly: true });
    side = await openWebhookClient({ serverUrl: server.where }, trace);
    keyboard = new Keyboard();
    screen = new Screen();
    stop = new AbortController();
    const options = { side, style: createStyle(true), timeoutMs: 20_000, trace, signal: stop.signal };
    const env = { TERM: 'xterm', ASYNCMCP_HISTORY: join(folder, 'history') };
    code = openShell(options, { stdin: keyboard, stdout: screen, env });
  });

  afterEach(async () => {
    stop.abort();
    await code;
    await side.close();
    await server.child.kill();
    await rm(folder, { recursive: true });
  });

  async function init(): Promise<void> {
    keyboard.type(`init${Key.enter}`);
    await expectText(screen, /offers .*\n>$/);
  }

  it('says what it is, and how to begin', async () => {
    await expectAll(
      screen,
      'MCP over webhook',
      `  requests  posted to ${server.where}`,
      `  replies   by webhook to ${side.webhookUrl}`,
      'init connects, help lists what else there is.',
      '>',
    );
    keyboard.type(`help${Key.enter}`);
    await expectText(screen, /quit +give up what runs, end the session, leave/);
  });

  it('lets one type on while calls run', async () => {
    await init();
    keyboard.type(`call wait seconds=60${Key.enter}call gre`);
    await expectText(screen, /\n#1 wait \[░{8}\] 1\/600, \d s\n> call gre$/);
    keyboard.type('et na');
    await expectText(screen, /\n#1 wait \[░{8}\] [3-9]\/600, \d s\n> call greet na$/);
    keyboard.type(`me=Ada${Key.enter}`);
    await expectText(screen, /\n✓ #2 greet after \d+ ms: Hello, Ada!\n#1 wait .*\n>$/);
    // What was shown of the call is not there a second time.
    expect(screen.lines.filter((line) => line.startsWith('#1 wait'))).toHaveLength(1);
    keyboard.type(`pending${Key.enter}`);
    await expectWhen(
      screen,
      () => screen.lines.filter((line) => line.startsWith('#1 wait')).length === 2,
      'the call twice',
    );
    keyboard.type(`cancel 1${Key.enter}`);
    await expectText(screen, /✗ #1 wait given up after .*: cancelled\n>$/);
  });

  it('completes what the server has', async () => {
    await init();
    keyboard.type('ca', Key.tab);
    await expectEnd(screen, '  call    cancel', '> ca');
    keyboard.type('ll int', Key.tab);
    await expectEnd(screen, '> call introduce');
    keyboard.type(Key.ctrlC, 'call fe', Key.tab, Key.tab);
    await expectEnd(screen, '  url=<text>               maxCharacters=<integer>', '> call fetch');
    keyboard.type('m', Key.tab, '3', Key.ctrlC);
    await expectEnd(screen, '> call fetch maxCharacters=3^C', '>');
  });

  it('asks what the server asks', async () => {
    await init();
    keyboard.type(`call introduce${Key.enter}`);
    await expectText(screen, /\? The server asks: What is your name\?\n.*\n#1 introduce .*\nName>$/);
    keyboard.type(`Grace "Amazing" Hopper${Key.enter}`);
    await expectText(screen, /✓ #1 introduce after .*: Nice to meet you, Grace "Amazing" Hopper!\n>$/);
    keyboard.type(`call introduce${Key.enter}`);
    await expectText(screen, /Name>$/);
    keyboard.type(`/decline${Key.enter}`);
    await expectText(screen, 'Declined.');
    await expectText(screen, 'You would rather not say');
    expect(await readFile(join(folder, 'history'), 'utf8')).toBe('init\ncall introduce\n');
  });

  it('gives up an init that is not answered', async () => {
    server.child.process.kill('SIGSTOP');
    keyboard.type(`init${Key.enter}`);
    await expectText(screen, /\ninit … \d s \(Ctrl-C gives up\)\n>$/);
    keyboard.type(Key.ctrlC);
    await expectText(screen, /\n✗ init was given up: interrupted\.\n>$/);
    server.child.process.kill('SIGCONT');
  });

  it('says so when the session is lost, and opens another', async () => {
    await init();
    const { port } = new URL(server.where);
    await server.child.kill();
    server = await startHttpServer('webhook', port);
    keyboard.type(`call greet name=Ada${Key.enter}`);
    await expectText(screen, '! The session is lost; init opens a new one.');
    await expectText(screen, /✗ #1 greet failed after .*: ERR_SESSION_LOST: /);
    keyboard.type(`tools${Key.enter}`);
    await expectText(screen, '✗ Not connected; init connects.');
    await init();
    keyboard.type(`call greet name=Ada${Key.enter}`);
    await expectText(screen, 'Hello, Ada!');
    keyboard.type(`sessions${Key.enter}`);
    await expectText(screen, /\S{36} lost, .*\n\S{36} open, /);
  });

  it.each([
    ['quit', `quit${Key.enter}`],
    ['Ctrl-C twice', Key.ctrlC + Key.ctrlC],
    ['Ctrl-D', Key.ctrlD],
  ])('gives up what runs and ends the session on %s', async (_how, keys) => {
    await init();
    keyboard.type(`call wait seconds=60${Key.enter}`);
    await expectText(screen, /#1 wait \[/);
    keyboard.type(keys);
    expect(await code).toBe(0);
    await expectText(screen, /✗ #1 wait given up after .*: leaving$/);
    expect(server.child.output).toMatch(/wait #\S+ cancelled after/);
    expect(server.child.output).toContain('session closed');
    expect(keyboard.isRaw).toBe(false);
  });

  it('leaves when the process is to end', async () => {
    await init();
    stop.abort('interrupted');
    expect(await code).toBe(130);
    expect(keyboard.isRaw).toBe(false);
  });
});
