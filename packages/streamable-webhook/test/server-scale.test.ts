import { expect, it } from '@jest/globals';
import { until } from '@asyncmcp/testkit';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { fastify } from 'fastify';
import { Pool } from 'undici';
import { StreamableWebhookServer } from '../src/index.js';
import { atTheEnd, call, hookEndpoint, initialize, post, startServer } from './server-system.js';
import type { FastifyInstance } from 'fastify';

function connectionsOf(app: FastifyInstance): Promise<number> {
  return new Promise((resolve, reject) => {
    app.server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
  });
}

it('500 pending calls of a webhook tool hold no connection', async () => {
  const pending = new Set<() => void>();
  const server = new StreamableWebhookServer({
    createServer() {
      const mcp = new McpServer({ name: 'x', version: '1' });
      mcp.registerTool('wait', {}, async () => {
        await new Promise<void>((resolve) => {
          pending.add(resolve);
        });
        return { content: [] };
      });
      return mcp;
    },
    webhookTools: ['wait'],
    concurrency: 500,
    maxCallsPerSession: 500,
    allowWebhookUrl: () => true,
  });
  const app = fastify();
  atTheEnd(() => app.close());
  await app.register(server.plugin);
  const origin = await app.listen({ host: '127.0.0.1', port: 0 });
  const hook = await hookEndpoint();
  const typed = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' };
  const pool = new Pool(origin, { connections: 20 });
  const body = JSON.stringify(initialize({ webhookUrl: hook.url }, 'open'));
  const opened = await pool.request({ path: '/mcp', method: 'POST', headers: typed, body });
  await opened.body.dump();
  const headers = { ...typed, 'mcp-session-id': String(opened.headers['mcp-session-id']) };
  const statuses = await Promise.all(
    Array.from({ length: 500 }, async (_, id) => {
      const body = JSON.stringify(call(id, 'wait'));
      const answer = await pool.request({ path: '/mcp', method: 'POST', headers, body });
      await answer.body.dump();
      return answer.statusCode;
    }),
  );
  expect(new Set(statuses)).toEqual(new Set([202]));
  await pool.close();
  expect(pending.size).toBe(500);
  await until(async () => (await connectionsOf(app)) === 0, { message: 'connections to be let go', timeoutMs: 20_000 });
  for (const end of pending) end();
  await until(() => hook.hooks.length === 500, { message: 'every answer' });
  expect(new Set(hook.hooks.map(({ body }) => (JSON.parse(body) as { id: number }).id)).size).toBe(500);
}, 30_000);

it('holds 1,000 sessions, and tells the next one to come back later', async () => {
  const server = await startServer({ maxSessions: 1000 });
  for (let opened = 0; opened < 1000; opened += 50) {
    await Promise.all(Array.from({ length: 50 }, () => post(server.url, initialize())));
  }
  expect(server.server.sessions.list()).toHaveLength(1000);
  const refused = await post(server.url, initialize());
  expect(refused).toMatchObject({ status: 503, headers: { 'retry-after': expect.stringMatching(/^\d+$/) } });
  expect(server.server.sessions.list()).toHaveLength(1000);
}, 30_000);
