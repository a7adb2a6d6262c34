import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from '@jest/globals';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { fastify } from 'fastify';
import { http, initialize, ping, toolCall } from './http-client.js';
import { atTheEnd, createServer, endpoint, openSession } from './server-system.js';
import type { FastifyInstance } from 'fastify';
import type { Answer } from './http-client.js';
import type { WebhookServerOptions } from '../src/index.js';
import type { TestServer } from './server-system.js';

/** No header can carry it. */
const UNSENDABLE = 'a\u2603';

/** A server in a fastify of the user's, who has hooks of their own. */
async function usersServer(
  addHooks: (app: FastifyInstance) => void,
  options: Partial<WebhookServerOptions> = {},
): Promise<Omit<TestServer, 'origin'>> {
  const created = createServer(options);
  const app = fastify();
  addHooks(app);
  await app.register(created.server.plugin);
  atTheEnd(() => app.close());
  return { ...created, url: `${await app.listen({ host: '127.0.0.1', port: 0 })}/mcp/request` };
}

/** A mistake of the user's: on requests that ask for it, a header that makes the answer one that cannot be sent. */
function spoilAnswers(app: FastifyInstance): void {
  app.addHook('preHandler', (request, reply, done) => {
    if (request.headers['x-spoil'] !== undefined) void reply.header('x-mood', UNSENDABLE);
    done();
  });
  app.addHook('onError', (_request, reply, _error, done) => {
    void reply.removeHeader('x-mood');
    done();
  });
}

const SPOILT = { 'x-spoil': '1' };

describe('a hook of the user’s that spoils an answer', () => {
  it('has a call answered 503, which runs once all the same', async () => {
    const server = await usersServer(spoilAnswers);
    const { headers, endpoint: hook } = await openSession(server);
    const call = { headers: { ...headers, 'x-message-id': 'one', 'x-request-id': '2' }, body: toolCall(2, 'slow') };
    const spoilt = { ...call, headers: { ...call.headers, ...SPOILT } };
    expect(await http('POST', server.url, spoilt)).toMatchObject({ status: 503 });
    expect(await http('POST', server.url, spoilt)).toMatchObject({ status: 503 });
    expect(await http('POST', server.url, call)).toMatchObject({ status: 202 });
    server.finish();
    expect((await hook.reply(2)).body).toContain('"result"');
    expect(server.begun()).toBe(1);
  });

  it('takes no place for good', async () => {
    const server = await usersServer(spoilAnswers, { maxCallsInFlight: 1 });
    const { headers, endpoint: hook } = await openSession(server);
    const changed = { jsonrpc: '2.0', method: 'notifications/roots/list_changed' };
    for (let round = 0; round < 3; round++) {
      const answer = await http('POST', server.url, { headers: { ...headers, ...SPOILT }, body: changed });
      expect(answer.status).toBe(503);
    }
    const call = { headers: { ...headers, 'x-request-id': '3' }, body: ping(3) };
    expect(await http('POST', server.url, call)).toMatchObject({ status: 202 });
    expect((await hook.reply(3)).body).toContain('"result"');
  });

  it('has who is not let in answered, too', async () => {
    const verifier = { verifyAccessToken: () => Promise.reject(new Error('no token of ours')) };
    const server = await usersServer(
      (app) => {
        app.addHook('onRequest', (_request, reply, done) => {
          void reply.header('x-mood', UNSENDABLE);
          done();
        });
        app.addHook('onError', (_request, reply, _error, done) => {
          void reply.removeHeader('x-mood');
          done();
        });
      },
      { auth: { verifier } },
    );
    for (const headers of [{}, { authorization: 'Bearer nonsense' }]) {
      expect(await http('POST', server.url, { headers, body: ping(1) })).toMatchObject({ status: 503 });
    }
  });
});

it('answers as the wire format says, whatever the user’s fastify does with its own', async () => {
  const server = await usersServer((app) => {
    app.setReplySerializer((payload) => `"mine: ${JSON.stringify(payload)}"`);
    app.addHook('onRequest', (_request, reply, done) => {
      void reply.serializer((payload: unknown) => JSON.stringify({ mine: payload }));
      done();
    });
    app.addHook('preSerialization', async (_request, _reply, payload) => ({ mine: payload }));
  });
  const hook = await endpoint();
  const client = { 'x-client-id': 'client' };
  const opened = await http('POST', server.url, { headers: client, body: initialize(hook.url) });
  expect(opened).toMatchObject({ status: 200, body: { status: 'session_created', attempt: 1 } });
  const session = { ...client, 'x-session-id': String(opened.headers['x-session-id']) };
  const taken = await http('POST', server.url, { headers: { ...session, 'x-request-id': '2' }, body: ping(2) });
  expect(taken).toMatchObject({ status: 202, body: { status: 'received', attempt: 1 } });
  expect(await http('POST', server.url, { headers: session, body: 'no JSON' })).toMatchObject({
    status: 400,
    body: { error: { data: { code: 'ERR_MESSAGE_INVALID' } } },
  });
  expect(await http('DELETE', server.url, { headers: session })).toMatchObject({ body: { status: 'terminated' } });
});

describe('what hooks of the user’s keep for each request', () => {
  it('is there for its tool, also where several requests come at the same moment', async () => {
    const storage = new AsyncLocalStorage<string>();
    const seen: string[] = [];
    const createMcpServer = (): McpServer => {
      const mcp = new McpServer({ name: 'test', version: '1.0.0' });
      mcp.registerTool('note', {}, async ({ requestId }) => {
        seen.push(`${requestId} ${String(storage.getStore())}`);
        return { content: [] };
      });
      return mcp;
    };
    const { url } = await usersServer(
      (app) => app.addHook('onRequest', ({ headers }, _reply, done) => storage.run(String(headers['x-trace']), done)),
      { createServer: createMcpServer },
    );
    const { headers, endpoint: hook } = await openSession({ url });
    const ids = [2, 3, 4, 5, 6, 7];
    const post = (id: number): Promise<Answer> =>
      http('POST', url, { headers: { ...headers, 'x-trace': `trace-${id}` }, body: toolCall(id, 'note') });
    const answers = await Promise.all(ids.map(post));
    expect(answers.map(({ status }) => status)).toEqual(ids.map(() => 202));
    await Promise.all(ids.map((id) => hook.reply(id)));
    expect(seen.toSorted()).toEqual(ids.map((id) => `${id} trace-${id}`));
  });
});
