import { deepEqual, equal, ok } from 'node:assert/strict';
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { contractCase } from './contract-case.js';
import { isNotificationOf } from './raw-peer.js';
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js';
import type { ContractGroup } from './contract-case.js';
import type { RawPeer } from './raw-peer.js';
import type { TestClient } from './test-client.js';

const ODD_IDS: readonly RequestId[] = [0, '', 'abc', '0', 'a b/c"d', Number.MAX_SAFE_INTEGER, -1];

/** Calls: many at once, out of order, with progress, cancelled. */
export const calls: ContractGroup = {
  name: 'calls',
  cases: [
    contractCase('request ids of every kind come back as they were', async (stage) => {
      const { peer, sessionId } = await stage.peerInSession();
      for (const id of ODD_IDS) {
        await peer.request(id, 'tools/call', { name: 'echo', arguments: { key: `id ${id}` } }, { sessionId });
        equal(textOf(await peer.reply(id)), `id ${id}`);
      }
    }),

    contractCase('request ids 1 and "1" are two calls', async (stage) => {
      const { peer, sessionId, test } = await stage.peerInSession();
      await callGated(peer, 1, 'number', sessionId);
      await callGated(peer, '1', 'text', sessionId);
      await test.log.until('both to run', () => test.log.running === 2);
      test.gates.open('text');
      equal(textOf(await peer.reply('1')), 'passed text');
      test.gates.open('number');
      equal(textOf(await peer.reply(1)), 'passed number');
    }),

    contractCase('200 calls at once, answered in reverse, each get their own answer', async (stage) => {
      const { client, test } = await stage.pair({ concurrency: 200 });
      const keys = Array.from({ length: 200 }, (_, index) => `gate ${index}`);
      const answers = Promise.all(keys.map((key) => client.call('gated', key)));
      await test.log.until('all 200 to run', () => test.log.running === 200);
      for (const key of [...keys].reverse()) test.gates.open(key);
      deepEqual(
        await answers,
        keys.map((key) => `passed ${key}`),
      );
      equal(test.log.of('gated').length, 200);
    }),

    contractCase('no more handlers run at once than concurrency says', async (stage) => {
      const { client, test } = await stage.pair({ concurrency: 3 });
      const keys = Array.from({ length: 12 }, (_, index) => `gate ${index}`);
      const answers = keys.map((key) => client.call('gated', key));
      for (let opened = 0; opened < keys.length; opened++) {
        const { key } = await test.log.until('the next call to run', () => test.log.of('gated')[opened]);
        test.gates.open(key);
      }
      await Promise.all(answers);
      ok(test.log.peak <= 3, `${test.log.peak} handlers ran at once`);
    }),

    contractCase("two clients never see each other's messages", async (stage) => {
      // Names that are no hexadecimal digits: ids are looked through as well.
      const { client: linus, test, server } = await stage.pair({}, { clientId: 'linus' });
      const grace = await stage.client({ clientId: 'grace' });
      equal(server.sessions.list().length, 2);
      ok(linus.sessionId !== grace.sessionId);
      await Promise.all([chat(linus), chat(grace)]);
      deepEqual(mentions(linus.received, 'grace'), []);
      deepEqual(mentions(grace.received, 'linus'), []);
      for (const { key, sessionId } of test.log.executions) {
        if (key !== '') equal(sessionId, key.startsWith('linus') ? linus.sessionId : grace.sessionId);
      }
    }),

    contractCase('progress comes in order, and all of it before the answer', async (stage) => {
      const { client } = await stage.pair();
      const seen: number[] = [];
      const text = await client.call('count', '25', { onprogress: ({ progress }) => seen.push(progress) });
      equal(text, 'counted to 25');
      deepEqual(
        seen,
        Array.from({ length: 25 }, (_, index) => index + 1),
      );
    }),

    contractCase('progress that comes after the answer is not an error', async (stage) => {
      const { client, test } = await stage.pair();
      const seen: number[] = [];
      await client.call('straggle', 'late', { onprogress: ({ progress }) => seen.push(progress) });
      test.gates.open('late');
      await client.call('echo', 'still there');
      deepEqual(seen, []);
      deepEqual(client.errors, []);
    }),

    contractCase('progress and requests name the call they belong to', async (stage) => {
      const { peer, sessionId } = await stage.peerInSession();
      const params = { name: 'count', arguments: { key: '1' }, _meta: { progressToken: 'token' } };
      await peer.request('the call', 'tools/call', params, { sessionId });
      await peer.reply('the call');
      const { envelope } = await peer.next('progress', (one) => isNotificationOf(one, 'notifications/progress'));
      equal(envelope.relatedRequestId, 'the call');
      equal(envelope.sessionId, sessionId);
    }),
  ],
};

/** Requests in both directions, progress and log messages, all of which name the client. */
async function chat(client: TestClient): Promise<void> {
  const name = client.transport.clientId;
  const work = Array.from({ length: 5 }, async (_, index) => {
    equal(await client.call('echo', `${name} ${index}`), `${name} ${index}`);
    equal(await client.call('sample', `${name} ${index}`), `sampled ${name} ${index}`);
    await client.call('log', `${name} ${index}`);
  });
  await Promise.all(work);
  equal(await client.call('whoami', ''), client.sessionId);
  equal(await client.call('roots', ''), `file:///${name}`);
}

function mentions(messages: readonly JSONRPCMessage[], name: string): readonly JSONRPCMessage[] {
  return messages.filter((message) => JSON.stringify(message).includes(name));
}

function callGated(peer: RawPeer, id: RequestId, key: string, sessionId: string): Promise<void> {
  return peer.request(id, 'tools/call', { name: 'gated', arguments: { key } }, { sessionId });
}

function textOf(reply: JSONRPCMessage): string {
  const { content } = CallToolResultSchema.parse('result' in reply ? reply.result : undefined);
  return content.map((one) => (one.type === 'text' ? one.text : one.type)).join('');
}
