import { deepEqual, equal, rejects } from 'node:assert/strict';
import { MemorySessionStore } from '@asyncmcp/core';
import { contractCase } from './contract-case.js';
import type { RequestId } from '@modelcontextprotocol/sdk/types.js';
import type { ContractGroup } from './contract-case.js';
import type { RawPeer } from './raw-peer.js';

/** Calls that are cancelled: before, while and after they run. */
export const cancellation: ContractGroup = {
  name: 'cancellation',
  cases: [
    contractCase('an aborted call stops its handler and is never run again', async (stage) => {
      const store = new MemorySessionStore();
      const { client, test, server } = await stage.pair({ store });
      const abort = new AbortController();
      const call = client.call('gated', 'never', { signal: abort.signal });
      const run = await test.log.begun('gated', 'never');
      abort.abort('no longer wanted');
      await rejects(call);
      await test.log.until('the handler to be aborted', () => run.aborted);
      await stage.settled(server);
      await server.close();
      const replica = stage.testServer();
      await stage.server(replica, { store });
      equal(await client.call('echo', 'after the restart'), 'after the restart');
      deepEqual(replica.log.of('gated'), []);
    }),

    contractCase('the late result of a cancelled call is dropped', async (stage) => {
      const { peer, sessionId, test } = await stage.peerInSession();
      // The SDK does not pass a cancellation of id 0 on to its handler, which then ends as if nothing had been.
      for (const id of [0, 7]) {
        const key = `late ${id}`;
        await peer.request(id, 'tools/call', { name: 'stubborn', arguments: { key } }, { sessionId });
        const run = await test.log.begun('stubborn', key);
        await peer.notify('notifications/cancelled', { requestId: id }, { sessionId });
        await ping(peer, `after ${id}`, sessionId);
        test.gates.open(key);
        await test.log.until('the handler to end', () => run.ended);
        await ping(peer, `long after ${id}`, sessionId);
        deepEqual(peer.replies(id), []);
      }
    }),

    contractCase('a call that waits for its turn can be cancelled', async (stage) => {
      const { client, test, server } = await stage.pair({ concurrency: 1 });
      const first = client.call('gated', 'first');
      await test.log.begun('gated', 'first');
      const abort = new AbortController();
      const second = client.call('gated', 'second', { signal: abort.signal });
      await stage.eventually('both calls to be in', () => server.sessions.list()[0]?.callsInFlight === 2);
      abort.abort('no longer wanted');
      await rejects(second);
      await stage.eventually('the cancelled call to be settled', () => server.sessions.list()[0]?.callsInFlight === 1);
      test.gates.open('first');
      equal(await first, 'passed first');
      deepEqual(test.log.of('gated', 'second'), []);
    }),

    contractCase('a cancellation that overtakes its request still cancels it', async (stage) => {
      const { peer, sessionId, test } = await stage.peerInSession();
      await peer.notify('notifications/cancelled', { requestId: 7 }, { sessionId });
      await ping(peer, 'between', sessionId);
      await callGated(peer, 7, 'never', sessionId);
      await ping(peer, 'after', sessionId);
      deepEqual(test.log.of('gated'), []);
      deepEqual(peer.replies(7), []);
    }),

    contractCase('a cancellation of a call that has ended is harmless', async (stage) => {
      const { peer, sessionId } = await stage.peerInSession();
      await ping(peer, 7, sessionId);
      await peer.notify('notifications/cancelled', { requestId: 7 }, { sessionId });
      await peer.notify('notifications/cancelled', { requestId: null }, { sessionId });
      await ping(peer, 8, sessionId);
      await ping(peer, 7, sessionId);
      equal(peer.replies(7).length, 2);
    }),
  ],
};

function callGated(peer: RawPeer, id: RequestId, key: string, sessionId: string): Promise<void> {
  return peer.request(id, 'tools/call', { name: 'gated', arguments: { key } }, { sessionId });
}

/** Once it is answered, what was sent before it has been handled too, on any wire that keeps the order. */
async function ping(peer: RawPeer, id: RequestId, sessionId: string): Promise<void> {
  await peer.request(id, 'ping', {}, { sessionId });
  await peer.reply(id);
}
