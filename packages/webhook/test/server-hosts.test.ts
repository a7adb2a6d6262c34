import { describe, expect, it } from '@jest/globals';
import { http2Request } from '@asyncmcp/testkit';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { fastify } from 'fastify';
import { createHostCheck } from '../src/host-check.js';
import { WebhookServer } from '../src/index.js';
import { http, initialize } from './http-client.js';
import { atTheEnd, endpoint, startServer } from './server-system.js';

const EVIL = { host: 'evil.example.com', origin: 'http://evil.example.com' };
const CLIENT = { 'x-client-id': 'client' };

describe('a server on loopback', () => {
  it.each([
    ['another host', { host: EVIL.host }],
    ['a host that looks like ours', { host: 'localhost.evil.example.com:8000' }],
    ['another origin', { origin: EVIL.origin }],
    ['no origin at all', { origin: 'null' }],
  ])('refuses %s', async (_what, headers) => {
    const { url, server } = await startServer();
    const { url: webhookUrl } = await endpoint();
    const sent = { headers: { ...CLIENT, ...headers }, body: initialize(webhookUrl) };
    const refused = { status: 403, body: { error: { data: { code: 'ERR_ACCESS_DENIED' } } } };
    expect(await http('POST', url, sent)).toMatchObject(refused);
    expect(await http('DELETE', url, { headers: { ...CLIENT, ...headers, 'x-session-id': 'one' } })).toMatchObject(
      refused,
    );
    expect(server.sessions.list()).toEqual([]);
  });

  it.each([
    ['localhost', { host: 'localhost:8000', origin: 'http://localhost:3000' }],
    ['127.0.0.1', { host: '127.0.0.1' }],
    ['[::1]', { host: '[::1]:8000' }],
  ])('answers to %s', async (_what, headers) => {
    const { url } = await startServer();
    const { url: webhookUrl } = await endpoint();
    const sent = { headers: { ...CLIENT, ...headers }, body: initialize(webhookUrl) };
    expect(await http('POST', url, sent)).toMatchObject({ status: 200 });
  });

  it('answers to the names it is given instead, or to any', async () => {
    const { url: webhookUrl } = await endpoint();
    const status = async (url: string, headers: object): Promise<number> =>
      (await http('POST', url, { headers: { ...CLIENT, ...headers }, body: initialize(webhookUrl) })).status;
    const named = await startServer({ allowedHosts: ['mcp.example.com'], allowedOrigins: ['https://app.example.com'] });
    const good = { host: 'mcp.example.com:443', origin: 'https://app.example.com' };
    expect(await status(named.url, good)).toBe(200);
    expect(await status(named.url, { ...good, origin: EVIL.origin })).toBe(403);
    expect(await status(named.url, {})).toBe(403);
    const open = await startServer({ allowedHosts: false, allowedOrigins: false });
    expect(await status(open.url, EVIL)).toBe(200);
  });

  it.each([
    ['allowedHosts', 'localhost'],
    ['allowedHosts', ['a b']],
    ['allowedOrigins', ['no origin']],
    ['allowedOrigins', [7]],
  ])('does not take %s as %j', (name, value) => {
    const createServer = (): never => {
      throw new Error('is not called');
    };
    const invalid = expect.objectContaining({ code: 'ERR_INVALID_OPTION' });
    expect(() => new WebhookServer({ createServer, [name]: value })).toThrow(invalid);
  });
});

describe('over HTTP/2', () => {
  it.each([
    ['what is for this machine is taken', {}, 200],
    ['another host is refused', { ':authority': EVIL.host }, 403],
  ])('%s', async (_what, headers, status) => {
    const { url: webhookUrl } = await endpoint();
    const server = new WebhookServer({
      createServer: () => new McpServer({ name: 'x', version: '1' }),
      allowWebhookUrl: ({ hostname }) => hostname === '127.0.0.1',
    });
    const app = fastify({ http2: true });
    atTheEnd(() => app.close());
    await app.register(server.plugin);
    const url = `${await app.listen({ host: '127.0.0.1', port: 0 })}/mcp/request`;
    const sent = { ...CLIENT, 'content-type': 'application/json', ...headers };
    const body = JSON.stringify(initialize(webhookUrl));
    expect(await http2Request(url, { method: 'POST', headers: sent, body })).toMatchObject({ status });
  });
});

describe('a server that does not listen', () => {
  it('answers to any name what is handed to it, and judges by where it listens once it does', async () => {
    const { url: webhookUrl } = await endpoint();
    const server = new WebhookServer({
      createServer: () => new McpServer({ name: 'x', version: '1' }),
      allowWebhookUrl: ({ hostname }) => hostname === '127.0.0.1',
    });
    const app = fastify();
    atTheEnd(() => app.close());
    await app.register(server.plugin);
    const headers = { ...CLIENT, 'content-type': 'application/json', host: EVIL.host };
    const request = { method: 'POST', url: '/mcp/request', headers, body: initialize(webhookUrl) } as const;
    expect(await app.inject(request)).toMatchObject({ statusCode: 200 });
    await app.listen({ host: '127.0.0.1', port: 0 });
    expect(await app.inject(request)).toMatchObject({ statusCode: 403 });
  });
});

describe('a server elsewhere', () => {
  it('answers to any name unless told otherwise', () => {
    const app = fastify();
    app.addresses = () => [{ address: '0.0.0.0', family: 'IPv4', port: 80 }];
    const request = { headers: EVIL } as unknown as Parameters<ReturnType<ReturnType<typeof createHostCheck>>>[0];
    expect(createHostCheck({})(app)(request)).toBeUndefined();
    expect(createHostCheck({ allowedHosts: ['a.example.com'] })(app)(request)).toMatchObject({ status: 403 });
    expect(createHostCheck({ allowedOrigins: ['https://a.example.com'] })(app)(request)).toMatchObject({ status: 403 });
  });
});
