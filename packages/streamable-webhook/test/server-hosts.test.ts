import { describe, expect, it } from '@jest/globals';
import { http2Request } from '@asyncmcp/testkit';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { fastify } from 'fastify';
import { StreamableWebhookServer } from '../src/index.js';
import { atTheEnd, http, initialize, ping, post, startServer } from './server-system.js';

const EVIL = { host: 'evil.example.com', origin: 'http://evil.example.com' };

describe('a server on loopback', () => {
  it.each([
    ['another host', { host: EVIL.host }],
    ['another host with a port', { host: 'evil.example.com:8000' }],
    ['a host that looks like ours', { host: 'localhost.evil.example.com' }],
    ['credentials in the host', { host: 'localhost@evil.example.com' }],
    ['another origin', { origin: EVIL.origin }],
    ['no origin at all', { origin: 'null' }],
    ['nonsense', { origin: 'localhost' }],
  ])('refuses %s', async (_what, headers) => {
    const { url, server } = await startServer();
    expect(await post(url, initialize(), headers)).toMatchObject({ status: 403 });
    expect(await http('GET', url, { headers })).toMatchObject({ status: 403 });
    expect(server.sessions.list()).toEqual([]);
  });

  it.each([
    ['localhost', { host: 'localhost:8000', origin: 'http://localhost:3000' }],
    ['127.0.0.1', { host: '127.0.0.1', origin: 'http://127.0.0.1' }],
    ['[::1]', { host: '[::1]:8000', origin: 'http://[::1]:5173' }],
    ['LOCALHOST', { host: 'LOCALHOST' }],
  ])('answers to %s', async (_what, headers) => {
    const { url } = await startServer();
    expect(await post(url, initialize(), headers)).toMatchObject({ status: 200 });
  });

  it('answers to the names it is given instead, or to any', async () => {
    const named = await startServer({ allowedHosts: ['MCP.example.com'], allowedOrigins: ['https://app.example.com'] });
    const good = { host: 'mcp.example.com:443', origin: 'https://app.example.com' };
    expect(await post(named.url, initialize(), good)).toMatchObject({ status: 200 });
    expect(await post(named.url, initialize(), { ...good, origin: 'https://app.example.com:8443' })).toMatchObject({
      status: 403,
    });
    expect(await post(named.url, initialize())).toMatchObject({ status: 403 });
    const open = await startServer({ allowedHosts: false, allowedOrigins: false });
    expect(await post(open.url, initialize(), EVIL)).toMatchObject({ status: 200 });
  });

  it('answers over HTTP/2, too, on streams as well', async () => {
    const createServer = (): McpServer => new McpServer({ name: 'x', version: '1' });
    const server = new StreamableWebhookServer({ createServer });
    const app = fastify({ http2: true });
    atTheEnd(() => app.close());
    await app.register(server.plugin);
    const url = `${await app.listen({ host: '127.0.0.1', port: 0 })}/mcp`;
    const accept = 'application/json, text/event-stream';
    const common = { accept, 'content-type': 'application/json' };
    const send = (message: object, headers: object = {}): ReturnType<typeof http2Request> =>
      http2Request(url, { method: 'POST', headers: { ...common, ...headers }, body: JSON.stringify(message) });
    expect(await send(initialize(), { ':authority': EVIL.host })).toMatchObject({ status: 403 });
    const opened = await send(initialize());
    expect(opened).toMatchObject({ status: 200 });
    const answer = await send(ping(2), { 'mcp-session-id': opened.headers['mcp-session-id'] });
    expect(answer).toMatchObject({ status: 200, text: expect.stringContaining('"result":{}') });
  });

  it('is one in the fastify of a user, too', async () => {
    const server = new StreamableWebhookServer({ createServer: () => new McpServer({ name: 'x', version: '1' }) });
    const app = fastify();
    atTheEnd(() => app.close());
    await app.register(server.plugin, { prefix: '/x' });
    const origin = await app.listen({ host: '127.0.0.1', port: 0 });
    expect(await post(`${origin}/x/mcp`, initialize(), EVIL)).toMatchObject({ status: 403 });
    expect(await post(`${origin}/x/mcp`, initialize())).toMatchObject({ status: 200 });
  });
});
