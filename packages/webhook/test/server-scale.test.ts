import { describe, expect, it } from '@jest/globals';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { until } from '@asyncmcp/testkit';
import { http, initialize } from './http-client.js';
import { endpoint, startServer } from './server-system.js';

describe('many sessions', () => {
  it('1,000 are opened by default, and the 1,001st is told 503', async () => {
    const server = await startServer({ createServer: () => new McpServer({ name: 'many', version: '1.0.0' }) });
    const hook = await endpoint();
    const open = (client: number): ReturnType<typeof http> =>
      http('POST', server.url, { headers: { 'x-client-id': `client-${client}` }, body: initialize(hook.url, client) });
    const opened: number[] = [];
    // Some at a time: a thousand sockets at once would be the test's own trouble.
    for (let first = 0; first < 1000; first += 50) {
      const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => open(first + index)));
      opened.push(...answers.map(({ status }) => status));
    }
    expect(opened.filter((status) => status === 200)).toHaveLength(1000);
    const refused = await open(1001);
    expect(refused.status).toBe(503);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(refused.body).toMatchObject({ error: { code: -32603, data: { code: 'ERR_SESSION_LIMIT' } } });
    await until(() => hook.hooks.length === 1000, { message: 'a thousand replies', timeoutMs: 20_000 });
    expect(server.server.sessions.list()).toHaveLength(1000);
  }, 60_000);
});
