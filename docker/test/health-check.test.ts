import { createServer } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import { listenOnLoopback, spawnModule, until } from '@asyncmcp/testkit';
import { HEALTH_CHECK, run } from './support.js';
import type { Server } from 'node:http';
import type { ModuleProcess } from '@asyncmcp/testkit';

const demoServer = import.meta.resolve('@asyncmcp/demo-server/main');

describe('health check', () => {
  const servers: Server[] = [];
  const children: ModuleProcess[] = [];

  /** Answers everything with a status, or not at all. */
  async function answer(status?: number): Promise<string> {
    const server = createServer((_request, response) => {
      if (status !== undefined) response.writeHead(status).end();
    });
    servers.push(server);
    return new URL(await listenOnLoopback(server)).port;
  }

  afterEach(async () => {
    for (const child of children.splice(0)) await child.kill();
    for (const server of servers.splice(0)) {
      server.close();
      server.closeAllConnections();
    }
  });

  it.each(['webhook', 'streamable-webhook'])('asks a server over %s', async (transport) => {
    const server = await spawnModule(demoServer, { args: ['--transport', transport, '--port', '0'] });
    children.push(server);
    await until(() => server.output.includes(' ready: '));
    const port = /127\.0\.0\.1:(\d+)/.exec(server.output)?.[1] ?? '';
    const environment = { ASYNCMCP_TRANSPORT: transport, ASYNCMCP_PORT: port };
    expect(await run(HEALTH_CHECK, [], environment)).toEqual({
      code: 0,
      output: `http://127.0.0.1:${port}/health answered with status 200`,
    });
    await server.kill();
    const { code, output } = await run(HEALTH_CHECK, [], environment);
    expect(output).toMatch(/^fetch failed: .*ECONNREFUSED/);
    expect(code).toBe(1);
  });

  it('fails while the server takes nothing', async () => {
    const port = await answer(503);
    const { code, output } = await run(HEALTH_CHECK, [], { ASYNCMCP_TRANSPORT: 'webhook', ASYNCMCP_PORT: port });
    expect(output).toBe(`http://127.0.0.1:${port}/health answered with status 503`);
    expect(code).toBe(1);
  });

  it('does not wait for ever', async () => {
    const port = await answer();
    const { code, output } = await run(HEALTH_CHECK, [], { ASYNCMCP_TRANSPORT: 'webhook', ASYNCMCP_PORT: port });
    expect(output).toContain('timeout');
    expect(code).toBe(1);
  });

  it.each(['sqs', 'sns-sqs', ''])('has nobody to ask over "%s"', async (transport) => {
    const { code, output } = await run(HEALTH_CHECK, [], { ASYNCMCP_TRANSPORT: transport, ASYNCMCP_PORT: '1' });
    expect(output).toContain('nobody to ask');
    expect(code).toBe(0);
  });
});
