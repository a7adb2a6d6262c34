import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { MemorySessionStore } from '@asyncmcp/core';
import { contractCase } from './contract-case.js';
import { Gates } from './gates.js';
import type { ContractGroup } from './contract-case.js';

const PING = { jsonrpc: '2.0', id: 1, method: 'ping' } as const;

/** Starting, closing, and what happens to calls that are under way then. */
export const lifecycle: ContractGroup = {
  name: 'lifecycle',
  cases: [
    contractCase('a client transport starts once', async (stage) => {
      await stage.server(stage.testServer());
      const transport = stage.transport();
      const first = transport.start();
      await rejects(transport.start(), { code: 'ERR_ALREADY_STARTED' });
      await first;
      await rejects(transport.start(), { code: 'ERR_ALREADY_STARTED' });
    }),

    contractCase('a client transport sends only between start and close', async (stage) => {
      await stage.server(stage.testServer());
      const transport = stage.transport();
      await rejects(transport.send(PING), { name: 'AsyncMcpError', code: 'ERR_NOT_STARTED' });
      await transport.start();
      await transport.close();
      await rejects(transport.send(PING), { name: 'AsyncMcpError', code: 'ERR_CLOSED' });
      await rejects(transport.terminateSession(), { code: 'ERR_CLOSED' });
      await rejects(transport.start(), { code: 'ERR_CLOSED' });
    }),

    contractCase('a client transport that is closed while it starts is closed', async (stage) => {
      await stage.server(stage.testServer());
      const transport = stage.transport();
      const starting = transport.start();
      await Promise.all([rejects(starting, { code: 'ERR_CLOSED' }), transport.close()]);
      await rejects(transport.send(PING), { code: 'ERR_CLOSED' });
    }),

    contractCase('closing a client twice closes it once, and fails its pending calls', async (stage) => {
      const { client, test } = await stage.pair();
      const call = client.call('gated', 'pending');
      await test.log.begun('gated', 'pending');
      await Promise.all([rejects(call, /Connection closed/), client.close(), client.transport.close()]);
      await client.transport.close();
      equal(client.closes, 1);
    }),

    contractCase('a client closes at once, even while it waits for messages', async (stage) => {
      const { client } = await stage.pair();
      ok((await duration(() => client.close())) < 1000);
    }),

    contractCase('a server closes at once when nothing runs', async (stage) => {
      const { server } = await stage.pair({ drainTimeoutMs: 60_000 });
      ok((await duration(() => server.close())) < 1000);
    }),

    contractCase('a server starts once, and not after it was closed', async (stage) => {
      const server = await stage.server(stage.testServer());
      await rejects(server.start(), { name: 'AsyncMcpError', code: 'ERR_ALREADY_STARTED' });
      await Promise.all([server.close(), server.close()]);
      await server.close();
      await rejects(server.start(), { code: 'ERR_CLOSED' });
    }),

    contractCase('aborting its signal closes a server', async (stage) => {
      const abort = new AbortController();
      const store = new MemorySessionStore();
      const { client, server, test } = await stage.pair({ store, signal: abort.signal });
      const call = client.call('gated', 'in flight');
      await test.log.begun('gated', 'in flight');
      abort.abort();
      test.gates.open('in flight');
      equal(await call, 'passed in flight');
      await server.close();
      deepEqual(server.sessions.list(), []);
    }),

    contractCase('a closing server answers what ends in time, and leaves the rest to the next', async (stage) => {
      const store = new MemorySessionStore();
      const { client, server, test } = await stage.pair({ store, concurrency: 2, drainTimeoutMs: 1000 });
      const [quick, slow] = [client.call('gated', 'quick'), client.call('gated', 'slow')];
      await test.log.until('both to run', () => test.log.running === 2);
      const waiting = client.call('echo', 'waiting for its turn');
      await stage.eventually('the third call to be in', () => server.sessions.list()[0]?.callsInFlight === 3);
      const closed = server.close();
      test.gates.open('quick');
      equal(await quick, 'passed quick');
      await closed;
      const replica = stage.testServer();
      await stage.server(replica, { store });
      equal(await waiting, 'waiting for its turn');
      await replica.log.begun('gated', 'slow');
      replica.gates.open('slow');
      equal(await slow, 'passed slow');
      equal(replica.log.of('gated', 'quick').length, 0);
      equal(test.log.of('echo').length, 0);
    }),

    contractCase('a closing server gives back calls that wait for their client', async (stage) => {
      const store = new MemorySessionStore();
      const gates = new Gates();
      const asked: string[] = [];
      const sample = async (prompt: string): Promise<string> => {
        asked.push(prompt);
        if (asked.length === 1) await gates.wait('the first answer');
        return `answer ${asked.length}`;
      };
      const { client, server } = await stage.pair({ store, drainTimeoutMs: 60_000 }, { sample });
      const call = client.call('sample', 'a poem');
      await stage.eventually('the request', () => asked.length === 1);
      ok((await duration(() => server.close())) < 10_000);
      await stage.server(stage.testServer(), { store });
      equal(await call, 'answer 2');
      gates.open('the first answer');
    }),

    contractCase('an answer that cannot be sent is sent later, and the call runs once', async (stage) => {
      const { client, test } = await stage.pair();
      stage.fixture.failReplies(1);
      equal(await client.call('echo', 'in the end'), 'in the end');
      equal(test.log.of('echo').length, 1);
    }),

    contractCase('an answer to an address that is gone is kept as a dead letter, and reported', async (stage) => {
      stage.expectErrors('ERR_DESTINATION_GONE', 'ERR_DEAD_LETTERED');
      const { peer, sessionId } = await stage.peerInSession();
      const { clientId } = peer;
      await peer.close();
      const caller = await stage.peer();
      await caller.request(1, 'ping', {}, { sessionId, clientId });
      const letter = await stage.eventually('the dead letter', async () => (await stage.fixture.deadLetters())[0]);
      deepEqual(JSON.parse(letter.body), { jsonrpc: '2.0', id: 1, method: 'ping', params: {} });
      await stage.eventually('the error', () => stage.serverErrors.some(({ code }) => code === 'ERR_DESTINATION_GONE'));
      const next = await stage.client();
      equal(await next.call('echo', 'and on it goes'), 'and on it goes');
    }),
  ],
};

/** How long something takes, in milliseconds. */
async function duration(work: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
