import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { MemorySessionStore } from '@asyncmcp/core';
import { assertRefused } from './assertions.js';
import { contractCase } from './contract-case.js';
import type { CreateServer } from '@asyncmcp/core';
import type { ContractGroup } from './contract-case.js';
import type { ContractServer } from './fixture.js';
import type { TestServer } from './test-server.js';

/** The shortest that a session may live, in milliseconds. */
const SHORTEST_TTL_MS = 1000;

/** Sessions: opened, limited, freed and taken up again, shared by several servers, ended. */
export const sessions: ContractGroup = {
  name: 'sessions',
  cases: [
    contractCase('an initialize beyond maxSessions is refused until there is room', async (stage) => {
      const { client, server } = await stage.pair({ maxSessions: 1 });
      const second = stage.newClient();
      await assertRefused(second.connect(), -32603, 'ERR_SESSION_LIMIT');
      await client.transport.terminateSession();
      await stage.eventually('the first session to end', () => server.sessions.list().length === 0);
      const third = await stage.client();
      equal(await third.call('echo', 'room'), 'room');
    }),

    contractCase('at the limit, a session on record takes the place of an idle one', async (stage) => {
      const store = new MemorySessionStore();
      const first = await stage.server(stage.testServer(), { store });
      const clients = [await stage.client(), await stage.client()];
      await first.close();
      const second = await stage.server(stage.testServer(), { store, maxSessions: 1 });
      for (const client of [...clients, ...clients]) equal(await client.call('echo', 'still here'), 'still here');
      equal(second.sessions.list().length, 1);
    }),

    contractCase('an idle session is freed, and taken up again when it is heard of', async (stage) => {
      const { client, server, test } = await stage.pair({ sessionIdleTimeoutMs: 20 });
      await client.call('echo', 'before the pause');
      await stage.eventually('the session to be freed', () => server.sessions.list().length === 0);
      const made = test.created.length;
      equal(await client.call('sample', 'after the pause'), 'sampled after the pause');
      const [first] = test.created;
      const again = test.created[made];
      equal(again?.id, first?.id);
      equal(again?.resumed, true);
      equal(again?.initialized, true);
      ok(again?.protocolVersion);
      equal(JSON.stringify(again.initializeParams), JSON.stringify(first?.initializeParams));
    }),

    contractCase('a session in which a call runs is not idle', async (stage) => {
      const { client, server, test } = await stage.pair({ sessionIdleTimeoutMs: 20 });
      const other = await stage.client();
      const call = client.call('gated', 'long');
      await test.log.begun('gated', 'long');
      // The session may have been freed before the call reached it.
      const before = test.created.filter(({ id }) => id === client.sessionId).length;
      await stage.eventually('the other session to be freed', () =>
        server.sessions.list().every(({ id }) => id !== other.sessionId),
      );
      test.gates.open('long');
      equal(await call, 'passed long');
      equal(test.created.filter(({ id }) => id === client.sessionId).length, before);
    }),

    contractCase('a session that nothing is heard of expires', async (stage) => {
      stage.expectErrors('ERR_SESSION_LOST');
      const store = new MemorySessionStore();
      const { client, server } = await stage.pair({ store, sessionTtlMs: SHORTEST_TTL_MS });
      await stage.eventually('the record to expire', async () => (await store.get(client.sessionId)) === undefined);
      await assertRefused(client.call('echo', 'too late'), -32001, 'ERR_SESSION_NOT_FOUND');
      equal(client.errorsOf('ERR_SESSION_LOST').length, 1);
      await stage.eventually('the live server to be freed', () => server.sessions.list().length === 0);
    }),

    contractCase('a session in use does not expire', async (stage) => {
      const { client, test } = await stage.pair({ sessionTtlMs: SHORTEST_TTL_MS });
      const began = Date.now();
      while (Date.now() - began < 1.2 * SHORTEST_TTL_MS) await client.call('echo', 'still there');
      equal(test.created.length, 1);
    }),

    contractCase('another server over the same store goes on with the sessions of one that closed', async (stage) => {
      const store = new MemorySessionStore();
      const { client, server } = await stage.pair({ store });
      await client.call('echo', 'here');
      await server.close();
      const replica = stage.testServer();
      await stage.server(replica, { store });
      equal(await client.call('whoami', ''), client.sessionId);
      equal(await client.call('sample', 'there'), 'sampled there');
      equal(replica.created[0]?.resumed, true);
    }),

    contractCase('two servers over one store answer every call of a session', async (stage) => {
      const store = new MemorySessionStore();
      const [ada, grace] = [stage.testServer(), stage.testServer()];
      await stage.server(ada, { store });
      await stage.server(grace, { store });
      const client = await stage.client();
      const keys = Array.from({ length: 100 }, (_, index) => `call ${index}`);
      deepEqual(await Promise.all(keys.map((key) => client.call('echo', key))), keys);
      const runs = [ada, grace].flatMap(({ log }) => log.of('echo'));
      equal(runs.length, keys.length);
    }),

    contractCase('two servers over one store get the answers to their own requests', async (stage) => {
      const store = new MemorySessionStore();
      const [ada, grace] = [stage.testServer(), stage.testServer()];
      await stage.server(ada, { store });
      await stage.server(grace, { store });
      const client = await stage.client();
      const prompts = Array.from({ length: 20 }, (_, index) => `poem ${index}`);
      const answers = await Promise.all(prompts.map((prompt) => client.call('sample', prompt)));
      deepEqual(
        answers,
        prompts.map((prompt) => `sampled ${prompt}`),
      );
    }),

    contractCase('a terminated session is over for its calls, its client and its record', async (stage) => {
      stage.expectErrors('ERR_SESSION_LOST');
      const store = new MemorySessionStore();
      const { client, server, test } = await stage.pair({ store });
      const { sessionId } = client;
      const running = client.call('gated', 'cut short');
      const run = await test.log.begun('gated', 'cut short');
      equal(server.sessions.list()[0]?.callsInFlight, 1);
      equal(await server.sessions.terminate(sessionId), true);
      equal(await server.sessions.terminate(sessionId), false);
      await assertRefused(running, -32001, 'ERR_SESSION_NOT_FOUND');
      await test.log.until('the handler to be aborted', () => run.aborted);
      await assertRefused(client.call('echo', 'anybody?'), -32001, 'ERR_SESSION_NOT_FOUND');
      ok(client.errorsOf('ERR_SESSION_LOST').length > 0);
      match(String(client.errors[0]), new RegExp(sessionId));
      equal(await store.get(sessionId), undefined);
    }),

    contractCase('a session on record only can be terminated', async (stage) => {
      const { client, server } = await stage.pair({ sessionIdleTimeoutMs: 20 });
      await stage.eventually('the session to be freed', () => server.sessions.list().length === 0);
      equal(await server.sessions.terminate(client.sessionId), true);
      stage.expectErrors('ERR_SESSION_LOST');
      await assertRefused(client.call('echo', 'anybody?'), -32001, 'ERR_SESSION_NOT_FOUND');
    }),

    contractCase('a client ends its session', async (stage) => {
      const store = new MemorySessionStore();
      const { client, server } = await stage.pair({ store });
      const { sessionId, transport } = client;
      await transport.terminateSession();
      equal(transport.sessionId, undefined);
      await stage.eventually('the session to end', () => server.sessions.list().length === 0);
      equal(await store.get(sessionId), undefined);
      await transport.terminateSession();
    }),

    contractCase('closing a client leaves its session to be taken up again', async (stage) => {
      const { peer, sessionId, server } = await stage.peerInSession();
      const client = await stage.client();
      await client.close();
      await peer.request(1, 'ping', {}, { sessionId });
      await peer.reply(1);
      equal(server.sessions.list().length, 2);
    }),

    contractCase('a createServer that fails once is asked again', async (stage) => {
      stage.expectErrors('ERR_CREATE_SERVER');
      const test = stage.testServer();
      await stage.server(test, { createServer: failingAtFirst(test) });
      const client = await stage.client();
      equal(await client.call('echo', 'at last'), 'at last');
      equal(stage.serverErrors.length, 1);
    }),

    contractCase('a createServer that always fails gets its caller an answer', async (stage) => {
      stage.expectErrors('ERR_CREATE_SERVER');
      const createServer = (): never => {
        throw new Error('no database');
      };
      await stage.server(stage.testServer(), { createServer, maxAttempts: 1 });
      const client = stage.newClient();
      // What failed is the server's business: the client is only told that something did.
      await rejects(client.connect(), /could not handle "initialize" for now \(ERR_CREATE_SERVER\)/);
    }),

    contractCase('a server object that closes itself ends its session', async (stage) => {
      stage.expectErrors('ERR_SESSION_LOST');
      const { client, server, test } = await stage.pair();
      await assertRefused(client.call('quit', 'closing'), -32001, 'ERR_SESSION_NOT_FOUND');
      await endOfSessions(server, test);
      const next = await stage.client();
      equal(await next.call('echo', 'a new session'), 'a new session');
    }),
  ],
};

async function endOfSessions(server: ContractServer, test: TestServer): Promise<void> {
  deepEqual(server.sessions.list(), []);
  test.gates.openAll();
  await test.log.until('the handler to end', () => test.log.running === 0);
}

function failingAtFirst({ createServer }: TestServer): CreateServer {
  let calls = 0;
  return (session) => {
    calls++;
    if (calls === 1) throw new Error('not yet');
    return createServer(session);
  };
}
