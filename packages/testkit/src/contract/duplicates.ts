import { deepEqual, equal } from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { MemoryCallStore, MemorySessionStore } from '@asyncmcp/core';
import { contractCase } from './contract-case.js';
import type { ContractGroup } from './contract-case.js';
import type { ContractServer, RawMessage } from './fixture.js';
import type { RawPeer } from './raw-peer.js';
import type { Stage } from './stage.js';
import type { TestServer } from './test-server.js';

/** At least once on the wire, once to the caller. */
export const duplicates: ContractGroup = {
  name: 'duplicates',
  cases: [
    contractCase('a request that arrives twice runs once and is answered once', async (stage) => {
      const { client, test } = await stage.pair();
      stage.fixture.duplicateRequests(5);
      const keys = ['a', 'b', 'c', 'd', 'e'];
      const answers = await Promise.all(keys.map((key) => client.call('echo', key)));
      deepEqual(answers, keys);
      // Behind the copies, on a wire that keeps the order.
      await client.call('echo', 'afterwards');
      equal(test.log.of('echo').length, 6);
      equal(responses(client.received).length, 7);
    }),

    contractCase('a request that arrives again while it runs is absorbed', async (stage) => {
      const { client, test, server } = await stage.pair();
      stage.fixture.duplicateRequests(1);
      const call = client.call('gated', 'once');
      await test.log.begun('gated', 'once');
      await client.call('echo', 'behind the copy');
      test.gates.open('once');
      equal(await call, 'passed once');
      await stage.settled(server);
      await client.call('echo', 'afterwards');
      equal(test.log.of('gated').length, 1);
      equal(client.transport.counters.duplicates, 0);
    }),

    contractCase('an initialize that arrives twice opens one session', async (stage) => {
      const test = stage.testServer();
      const server = await stage.server(test);
      stage.fixture.duplicateRequests(1);
      const client = await stage.client();
      await client.call('echo', 'behind the copy');
      equal(test.created.length, 1);
      deepEqual(
        server.sessions.list().map(({ id }) => id),
        [client.sessionId],
      );
    }),

    contractCase('replies that arrive twice reach the caller once', async (stage) => {
      const { client } = await stage.pair();
      stage.fixture.duplicateReplies(3);
      for (const key of ['a', 'b', 'c']) equal(await client.call('echo', key), key);
      await stage.eventually('three duplicates', () => client.transport.counters.duplicates === 3);
      equal(responses(client.received).length, 4);
    }),

    contractCase('notifications and server requests that arrive twice reach the client once', async (stage) => {
      const { client } = await stage.pair();
      stage.fixture.duplicateReplies(4);
      const seen: number[] = [];
      await client.call('count', '2', { onprogress: ({ progress }) => seen.push(progress) });
      equal(await client.call('sample', 'a poem'), 'sampled a poem');
      await client.call('echo', 'afterwards');
      deepEqual(seen, [1, 2]);
      equal(client.messages('sampling/createMessage').length, 1);
    }),

    contractCase("a client's answer that arrives twice reaches the tool once", async (stage) => {
      const { client, test } = await stage.pair();
      stage.fixture.duplicateRequests(2);
      equal(await client.call('sample', 'a poem'), 'sampled a poem');
      equal(await client.call('sample', 'a song'), 'sampled a song');
      equal(test.log.of('sample').length, 2);
    }),

    contractCase('a request that arrives again after its answer gets the same answer again', async (stage) => {
      const { peer, sessionId, test } = await stage.peerInSession();
      const message = echo(peer, 5, 'the same', sessionId);
      await peer.send(message);
      const first = await peer.reply(5);
      await peer.send(message);
      deepEqual(await peer.reply(5), first);
      equal(test.log.of('echo').length, 1);
    }),

    contractCase('a refusal that is asked for again is given again', async (stage) => {
      const { peer } = await stage.peerInSession();
      const message = { ...echo(peer, 5, 'nobody', 'no-such-session'), replyTo: peer.address };
      await peer.send(message);
      const first = await peer.reply(5);
      await peer.send(message);
      deepEqual(await peer.reply(5), first);
    }),

    contractCase('a message id of one client does not stand in for that of another', async (stage) => {
      const { peer, sessionId, test } = await stage.peerInSession();
      const other = await stage.peer();
      const otherSessionId = await other.initialize();
      const message = echo(peer, 5, 'for one', sessionId);
      const stolen = { ...echo(other, 5, 'for the other', otherSessionId), messageId: message.messageId };
      await peer.send(message);
      await peer.reply(5);
      await other.send(stolen);
      await other.reply(5);
      deepEqual(
        test.log.of('echo').map(({ key }) => key),
        ['for one', 'for the other'],
      );
    }),

    contractCase('copies that reach another server over one call store run nothing', async (stage) => {
      const { servers, ada, grace, peer, message } = await twoServers(stage);
      await peer.send(message);
      const runs = () => [ada, grace].flatMap(({ log }) => log.of('gated'));
      await stage.eventually('the call to begin', () => runs().length === 1);
      for (let copy = 0; copy < 6; copy++) await peer.send(message);
      for (const { gates } of [ada, grace]) gates.open('once');
      const first = await peer.reply(5);
      for (let copy = 0; copy < 4; copy++) {
        await peer.send(message);
        deepEqual(await peer.reply(5), first);
      }
      for (const server of servers) await stage.settled(server);
      equal(runs().length, 1);
    }),

    contractCase('a second call with the id of one that runs is refused, and the first goes on', async (stage) => {
      const { peer, sessionId, test } = await stage.peerInSession();
      await peer.request(5, 'tools/call', { name: 'gated', arguments: { key: 'first' } }, { sessionId });
      await test.log.begun('gated', 'first');
      await peer.send(echo(peer, 5, 'second', sessionId));
      const refused = await peer.reply(5);
      equal('error' in refused && refused.error.code, -32600);
      test.gates.open('first');
      const answered = await peer.reply(5);
      equal('result' in answered, true);
      deepEqual(test.log.of('echo'), []);
    }),
  ],
};

/** Two servers over the same stores, and a peer in a session of theirs with a call to make. */
async function twoServers(stage: Stage): Promise<{
  servers: readonly ContractServer[];
  ada: TestServer;
  grace: TestServer;
  peer: RawPeer;
  message: RawMessage;
}> {
  const shared = { store: new MemorySessionStore(), callStore: new MemoryCallStore() };
  const [ada, grace] = [stage.testServer(), stage.testServer()];
  const servers = [await stage.server(ada, shared), await stage.server(grace, shared)];
  const peer = await stage.peer();
  return { servers, ada, grace, peer, message: call(peer, 'gated', 5, 'once', await peer.initialize()) };
}

type IdentifiedMessage = RawMessage & Required<Pick<RawMessage, 'messageId'>>;

function echo(peer: RawPeer, id: number, key: string, sessionId: string): IdentifiedMessage {
  return call(peer, 'echo', id, key, sessionId);
}

function call(peer: RawPeer, name: string, id: number, key: string, sessionId: string): IdentifiedMessage {
  const params = { name, arguments: { key } };
  const body = JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params });
  return { body, messageId: randomUUID(), clientId: peer.clientId, sessionId, requestId: id };
}

function responses(messages: readonly object[]): readonly object[] {
  return messages.filter((message) => !('method' in message));
}
