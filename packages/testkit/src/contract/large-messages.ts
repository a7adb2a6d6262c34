import { equal, ok, rejects } from 'node:assert/strict';
import { assertGoesOn, assertRefusal } from './assertions.js';
import { contractCase } from './contract-case.js';
import type { ContractGroup } from './contract-case.js';
import type { Reply } from './raw-peer.js';

/** Messages larger than the wire takes. */
export const largeMessages: ContractGroup = {
  name: 'messages too large',
  cases: [
    contractCase('a result that is too large becomes an error that names both sizes', async (stage) => {
      stage.expectErrors('ERR_MESSAGE_TOO_LARGE');
      const { peer, sessionId } = await stage.peerInSession();
      const { maxMessageBytes } = stage.fixture;
      const params = { name: 'large', arguments: { key: String(maxMessageBytes) } };
      await peer.request(9, 'tools/call', params, { sessionId });
      const reply = await peer.reply(9);
      assertRefusal(reply, { code: -32603, dataCode: 'ERR_MESSAGE_TOO_LARGE', says: /does not fit/ });
      const sizes = sizesIn(reply);
      ok(sizes.includes(maxMessageBytes), `the limit is not in ${JSON.stringify(reply)}`);
      ok(Math.max(...sizes) > maxMessageBytes, `the size is not in ${JSON.stringify(reply)}`);
      await assertGoesOn(peer, sessionId);
    }),

    contractCase('a notification that is too large fails its sender, not the call', async (stage) => {
      const { client } = await stage.pair();
      equal(await client.call('log-large', String(stage.fixture.maxMessageBytes)), 'ERR_MESSAGE_TOO_LARGE');
    }),

    contractCase('a request that is too large is refused at the sender', async (stage) => {
      const { client } = await stage.pair();
      const large = 'x'.repeat(stage.fixture.maxMessageBytes);
      await rejects(client.call('echo', large), { name: 'AsyncMcpError', code: 'ERR_MESSAGE_TOO_LARGE' });
      equal(await client.call('echo', 'small'), 'small');
    }),
  ],
};

function sizesIn(reply: Reply): number[] {
  const text = 'error' in reply ? reply.error.message : '';
  return (text.match(/\d+/g) ?? []).map(Number);
}
