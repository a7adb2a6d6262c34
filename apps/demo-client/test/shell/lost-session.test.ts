import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openShell } from '../../src/shell/open-shell.js';
import { createStyle } from '../../src/style.js';
import { Trace } from '../../src/trace.js';
import { openStreamableWebhookClient } from '../../src/webhook-client.js';
import { startHttpServer } from './servers.js';
import { Key, Keyboard, Screen, expectText } from './support.js';
import type { ClientSide } from '../../src/client-side.js';
import type { DemoServer } from './servers.js';

describe('a session over Streamable HTTP whose server is killed, and keeps no sessions', () => {
  let server: DemoServer;
  let side: ClientSide;
  let code: Promise<number>;
  const keyboard = new Keyboard();
  const screen = new Screen();
  const stop = new AbortController();

  beforeEach(async () => {
    server = await startHttpServer('streamable-webhook');
    const trace = new Trace({ countsOnly: true });
    side = await openStreamableWebhookClient({ serverUrl: server.where }, trace);
    const options = { side, style: createStyle(true), timeoutMs: 60_000, trace, signal: stop.signal };
    code = openShell(options, { stdin: keyboard, stdout: screen, env: { TERM: 'xterm' } });
  });

  afterEach(async () => {
    stop.abort();
    await code;
    await side.close();
    await server.child.kill();
  });

  it('fails the calls that run with the error that says so', async () => {
    keyboard.type(`init${Key.enter}`);
    await expectText(screen, /offers .*\n>$/);
    // One is answered by webhook, the other one over its connection: it asks, and nobody answers.
    keyboard.type(`call wait seconds=60${Key.enter}call introduce${Key.enter}`);
    await expectText(screen, /\n#1 wait .*\n#2 introduce .*\nName>$/);
    const { port } = new URL(server.where);
    await server.child.kill();
    server = await startHttpServer('streamable-webhook', port);
    await expectText(screen, '! The session is lost; init opens a new one.');
    await expectText(screen, /✗ #1 wait failed after .*:\s+ERR_SESSION_LOST: /);
    await expectText(screen, /✗ #2 introduce failed after .*:\s+ERR_SESSION_LOST: /);
    expect(screen.lines.join('\n')).not.toContain('Connection closed');
  });
});
