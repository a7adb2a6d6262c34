import { equal, match } from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { assertGoesOn, assertRefusal } from './assertions.js';
import { BAD_MESSAGES, UNKNOWN_SESSION } from './bad-messages.js';
import { contractCase } from './contract-case.js';
import type { BadMessage } from './bad-messages.js';
import type { ContractCase, ContractGroup } from './contract-case.js';
import type { Stage } from './stage.js';

/** Messages of strangers: each is refused as the design says, and the receiver goes on. */
export const hostileInput: ContractGroup = {
  name: 'hostile input',
  cases: [
    ...BAD_MESSAGES.map(refusalCase),

    contractCase('a request for an ended session is refused', async (stage) => {
      const { peer, sessionId, server } = await stage.peerInSession();
      await peer.send({ type: 'terminate', body: '{}', sessionId, clientId: peer.clientId });
      await stage.eventually('the session to end', () => server.sessions.list().length === 0);
      await peer.request(9, 'ping', {}, { sessionId, replyTo: peer.address });
      assertRefusal(await peer.reply(9), UNKNOWN_SESSION);
    }),

    contractCase("nobody can end another client's session", async (stage) => {
      const { peer, sessionId, server } = await stage.peerInSession();
      const other = await stage.peer();
      await other.initialize();
      await other.send({ type: 'terminate', body: '{}', sessionId, clientId: other.clientId });
      await other.send({ type: 'terminate', body: '{}', sessionId });
      await other.send({ type: 'terminate', body: '{}' });
      await assertGoesOn(peer, sessionId);
      equal(server.sessions.list().length, 2);
    }),

    contractCase('notifications and answers that have nowhere to go do no harm', async (stage) => {
      const { peer, sessionId } = await stage.peerInSession();
      const answer = JSON.stringify({ jsonrpc: '2.0', id: 'nobody asked', result: {} });
      for (const metadata of [{}, { sessionId: 'no-such-session' }, { sessionId }]) {
        await peer.notify('notifications/initialized', {}, metadata);
        await peer.notify('notifications/progress', { progressToken: 'unknown', progress: 1 }, metadata);
        await peer.send({ clientId: peer.clientId, ...metadata, body: answer });
      }
      await assertGoesOn(peer, sessionId);
    }),

    contractCase('a client survives replies that make no sense', async (stage) => {
      stage.expectErrors('ERR_MESSAGE_INVALID');
      const { client } = await stage.pair();
      const { transport, sessionId } = client;
      const { clientId } = transport;
      const bodies = ['hello', '[]', '{"jsonrpc":"2.0","id":null,"result":{}}', '{"jsonrpc":"2.0"}'];
      for (const body of bodies) {
        await stage.fixture.sendToClient(transport, { body, clientId, sessionId, messageId: randomUUID() });
      }
      await client.until('four errors', () => client.errorsOf('ERR_MESSAGE_INVALID').length === bodies.length);
      equal(transport.counters.invalid, bodies.length);
      equal(await client.call('echo', 'still there'), 'still there');
    }),

    contractCase('a client does not take the answer of another session for its own', async (stage) => {
      const { client, test } = await stage.pair();
      const { transport, sessionId } = client;
      const { clientId } = transport;
      const call = client.call('gated', 'true answer');
      await test.log.begun('gated', 'true answer');
      const body = JSON.stringify({
        jsonrpc: '2.0',
        id: idOfLastRequest(test.log.of('gated')),
        result: { content: [] },
      });
      const strangers = [{ clientId: 'another', sessionId }, { clientId: 'another' }, { clientId, sessionId: 'older' }];
      for (const stranger of strangers) {
        await stage.fixture.sendToClient(transport, { body, messageId: randomUUID(), ...stranger });
      }
      await client.call('echo', 'behind them');
      test.gates.open('true answer');
      equal(await call, 'passed true answer');
    }),
  ],
};

/** The bad message is refused as it should be, and a good one afterwards is answered. */
function refusalCase({ name, message, refusal }: BadMessage): ContractCase {
  return contractCase(name, async (stage) => {
    const { peer, sessionId } = await stage.peerInSession();
    const other = await stage.peer();
    const scene = {
      fixture: stage.fixture,
      peer,
      sessionId,
      other: { peer: other, sessionId: await other.initialize() },
    };
    const seenByOther = other.received.length;
    const bad = message(scene);
    const expected = stage.fixture.refusal?.(refusal, name) ?? refusal;
    if (expected.by === 'dead-letter') stage.expectErrors(expected.dataCode, 'ERR_DEAD_LETTERED');
    await peer.send(bad);
    if (expected.by === 'reply') assertRefusal(await peer.reply(expected.id), expected);
    else await checkDeadLetter(stage, bad.body, expected.says);
    await assertGoesOn(peer, sessionId);
    equal(other.received.length, seenByOther, 'the other client was sent something');
  });
}

async function checkDeadLetter(stage: Stage, body: string, says: RegExp): Promise<void> {
  const { reason } = await stage.eventually(`a dead letter ${body}`, async () => {
    const letters = await stage.fixture.deadLetters();
    return letters.find((letter) => letter.body === body);
  });
  if (reason !== undefined) match(reason, says);
}

function idOfLastRequest(runs: readonly { readonly requestId: string | number }[]): string | number {
  const last = runs.at(-1);
  if (last === undefined) throw new Error('No call has run.');
  return last.requestId;
}
