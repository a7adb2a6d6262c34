import { describe, expect, it } from '@jest/globals';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { fastify } from 'fastify';
import { StreamableWebhookServer } from '../src/index.js';
import {
  atTheEnd,
  call,
  http,
  initialize,
  open,
  openSession,
  ping,
  post,
  startServer,
  textOf,
} from './server-system.js';
import { verifierOf } from './tokens.js';
import type { TestServer } from './server-system.js';

const verifier = verifierOf('alice', 'bob');

function protectedServer(): Promise<TestServer> {
  const resourceMetadataUrl = 'https://mcp.example.com/.well-known/oauth-protected-resource';
  return startServer({ auth: { verifier, resourceMetadataUrl } });
}

const as = (token: string) => ({ authorization: `Bearer ${token}` });

describe('a server with bearer tokens', () => {
  it.each(['POST', 'GET', 'DELETE'] as const)(
    'answers a %s without one 401, and says where to get one',
    async (method) => {
      const { url } = await protectedServer();
      const answer = await http(method, url, method === 'POST' ? { body: initialize() } : {});
      expect(answer.status).toBe(401);
      expect(answer.headers['www-authenticate']).toMatch(
        /^Bearer error="invalid_token".*resource_metadata="https:\/\/mcp/,
      );
      expect(await http(method, url, { headers: as('mallory') })).toMatchObject({ status: 401 });
    },
  );

  it('tells handlers whose call it is, whichever way it is answered', async () => {
    const server = await protectedServer();
    const { headers, hook } = await openSession(server, { headers: as('alice') });
    server.finish();
    await post(server.url, call(1, 'slow'), headers);
    await post(server.url, call(2, 'slow_by_webhook'), headers);
    await hook.reply(2);
    expect(server.calls.map(({ authInfo }) => authInfo?.token)).toEqual(['alice', 'alice']);
    expect(server.calls.map(({ requestInfo }) => requestInfo?.headers['mcp-session-id'])).toEqual(
      server.calls.map(() => headers['mcp-session-id']),
    );
  });

  it('serves a session to the principal who opened it, and to nobody else', async () => {
    const server = await protectedServer();
    const { headers } = await openSession(server, { headers: as('alice') });
    const stolen = { ...headers, ...as('bob') };
    expect(await post(server.url, ping(1), stolen)).toMatchObject({ status: 404 });
    expect(await http('GET', server.url, { headers: stolen })).toMatchObject({ status: 404 });
    expect(await http('DELETE', server.url, { headers: stolen })).toMatchObject({ status: 404 });
    const answer = await post(server.url, call(2, 'echo', { value: 'still there' }), headers);
    expect(textOf(answer.messages[0])).toBe('still there');
  });
});

describe('a session whose client has said who it is', () => {
  it('is served to that client only', async () => {
    const server = await startServer();
    const { headers } = await openSession(server, { headers: { 'x-client-id': 'alice' } });
    const { 'x-client-id': _mine, ...nameless } = headers;
    expect(await post(server.url, ping(1), { ...headers, 'x-client-id': 'bob' })).toMatchObject({ status: 404 });
    expect(await post(server.url, ping(1), nameless)).toMatchObject({ status: 404 });
    expect(await post(server.url, ping(1), headers)).toMatchObject({ status: 200 });
    expect(await open('GET', server.url, headers)).toMatchObject({ status: 200 });
  });
});

it('lets nobody begin anything once it closes, whose token was good before', async () => {
  const runs: string[] = [];
  const closed: Promise<void>[] = [];
  const server = new StreamableWebhookServer({
    stateless: true,
    auth: { verifier },
    createServer: () => {
      const mcp = new McpServer({ name: 'test', version: '1.0.0' });
      mcp.registerTool('note', {}, async () => {
        runs.push('run');
        return { content: [] };
      });
      return mcp;
    },
  });
  const app = fastify();
  // Between the token and the handler.
  app.addHook('preHandler', (_request, _reply, done) => {
    done();
    closed.push(server.close());
  });
  await app.register(server.plugin);
  atTheEnd(() => app.close());
  const url = `${await app.listen({ host: '127.0.0.1', port: 0 })}/mcp`;
  expect(await post(url, call(1, 'note'), as('alice'))).toMatchObject({ status: 503 });
  await Promise.all(closed);
  expect(runs).toEqual([]);
});
