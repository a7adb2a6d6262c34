import { createServer } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import { listenOnLoopback } from '@asyncmcp/testkit';
import { finish, printed, start } from './support.js';
import type { ModuleProcess } from '@asyncmcp/testkit';

const server = import.meta.resolve('@asyncmcp/demo-server/main');
const client = import.meta.resolve('@asyncmcp/demo-client/main');

describe.each([
  { transport: 'webhook', path: '/mcp/request', steps: 10, replies: 'replies go to' },
  { transport: 'streamable-webhook', path: '/mcp', steps: 11, replies: 'those of slow tools to' },
])('server and client by hand, over $transport', ({ transport, path, steps, replies }) => {
  const running: ModuleProcess[] = [];

  async function run(file: string | URL, args: readonly string[]): Promise<ModuleProcess> {
    const child = await start(file, args, { ASYNCMCP_TRANSPORT: transport });
    running.push(child);
    return child;
  }

  /** A server on a free port, and where it says that it takes requests. */
  async function startServer(): Promise<{ child: ModuleProcess; url: string }> {
    const child = await run(server, ['--port', '0']);
    await printed(child, ' ready: ');
    return { child, url: / takes requests at (\S+)/.exec(child.output)?.[1] ?? '' };
  }

  afterEach(async () => {
    for (const child of running.splice(0)) await child.kill();
  });

  it('need nothing but the URL of the server', async () => {
    const { child, url } = await startServer();
    const { code, lines } = await finish(await run(client, ['--scenario', '--server-url', url]));
    expect(lines.join('\n')).toContain(`${steps} of ${steps} steps checked`);
    expect(code).toBe(0);
    expect(await child.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(new URL(url).pathname).toBe(path);
    expect(child.output).toMatch(new RegExp(`${replies} http://127\\.0\\.0\\.1:\\d+/webhook/response`));
    expect(child.output).toContain('greet #2 answered');
    expect(child.output).toContain('wait #6 cancelled');
  });

  it('serve two clients at once', async () => {
    const { url } = await startServer();
    const clients = await Promise.all([1, 2].map(() => run(client, ['--scenario', '--server-url', url])));
    for (const { code, lines } of await Promise.all(clients.map(finish))) {
      expect(lines.join('\n')).toContain(`${steps} of ${steps} steps checked`);
      expect(code).toBe(0);
    }
  });

  it('name the step that fails when no server is there', async () => {
    // A port that nothing has is anybody's: this one hangs up on all who call.
    const nobody = createServer().on('connection', (socket) => socket.destroy());
    const url = `${await listenOnLoopback(nobody)}${path}`;
    const { code, lines } = await finish(await run(client, ['--scenario', '--server-url', url, '--timeout', '0.3']));
    nobody.close();
    expect(lines.join('\n')).toMatch(new RegExp(`→ POST ${path} +– initialize`));
    expect(lines.join('\n')).toContain(`0 of ${steps} steps checked, "handshake" failed`);
    expect(code).toBe(1);
  });

  it('say so when the server refuses the webhook URL', async () => {
    const { url } = await startServer();
    const args = ['--server-url', url, '--webhook-url', 'http://10.1.2.3/webhook/response'];
    const { code, lines } = await finish(await run(client, ['--scenario', ...args]));
    expect(lines.join('\n')).toMatch(new RegExp(`→ POST ${path} +400 initialize`));
    expect(lines.join('\n')).toContain('ERR_REPLY_ADDRESS_REFUSED');
    expect(code).toBe(1);
  });

  it('say so when a port is taken', async () => {
    const { url } = await startServer();
    const { port } = new URL(url);
    for (const [file, flag] of [
      [server, '--port'],
      [client, '--webhook-port'],
    ] as const) {
      const { code, lines } = await finish(await run(file, [flag, port]));
      expect(lines.join('\n')).toMatch(/^ERR_UNAVAILABLE: .*is it in use\?$/m);
      expect(code).toBe(1);
    }
  });

  it('say what is wrong with an option', async () => {
    const { code, lines } = await finish(await run(client, ['--scenario', '--server-url', 'ftp://example.com']));
    expect(lines.join('\n')).toContain('ERR_INVALID_OPTION: Option "serverUrl"');
    expect(code).toBe(1);
  });
});
