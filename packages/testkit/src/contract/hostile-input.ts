import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { dataCodeOf } from './assertions.js';
import { contractCase } from './contract-case.js';
import type { ContractCase, ContractGroup } from './contract-case.js';
import type { ContractFixture, RawMessage, Refusal } from './fixture.js';
import type { RawPeer, Reply } from './raw-peer.js';
import type { Stage } from './stage.js';

/** What a bad message is made of: a peer with a session on the server under test. */
interface Scene {
  readonly fixture: ContractFixture;
  readonly peer: RawPeer;
  readonly sessionId: string;
  /** Another client of the same server, and its session. */
  readonly other: { readonly peer: RawPeer; readonly sessionId: string };
}

interface BadMessage {
  readonly name: string;
  readonly message: (scene: Scene) => RawMessage;
  readonly refusal: Refusal;
}

const PING = JSON.stringify({ jsonrpc: '2.0', id: 9, method: 'ping' });

/** Metadata of a message in the peer's session. */
const inSession = ({ peer, sessionId }: Scene): Pick<RawMessage, 'sessionId' | 'clientId'> => ({
  sessionId,
  clientId: peer.clientId,
});

/** Metadata of a message without a session that says where to answer. */
const answerable = ({ peer }: Scene): Pick<RawMessage, 'replyTo' | 'clientId'> => ({
  replyTo: peer.address,
  clientId: peer.clientId,
});

function initializeBody(params: object): string {
  return JSON.stringify({ jsonrpc: '2.0', id: 9, method: 'initialize', params });
}

const invalid = { code: -32600, dataCode: 'ERR_MESSAGE_INVALID' } as const;
const unknownSession = { code: -32001, dataCode: 'ERR_SESSION_NOT_FOUND', says: /unknown, has ended/ } as const;

const BODIES: readonly BadMessage[] = [
  {
    name: 'a body that is not JSON is answered in its session, under the id beside it',
    message: (scene) => ({ ...inSession(scene), body: '{"jsonrpc":"2.0","id":9,', requestId: 9 }),
    refusal: { by: 'reply', code: -32700, dataCode: 'ERR_MESSAGE_INVALID', id: 9, says: /not valid JSON/ },
  },
  {
    name: 'a body that is not JSON is answered without an id where none can be told',
    message: (scene) => ({ ...answerable(scene), body: 'hello' }),
    refusal: { by: 'reply', code: -32700, dataCode: 'ERR_MESSAGE_INVALID', says: /not valid JSON/ },
  },
  {
    name: 'a body that is not JSON and says not whom to answer is dead-lettered',
    message: () => ({ body: 'hello, nobody' }),
    refusal: { by: 'dead-letter', code: -32700, dataCode: 'ERR_MESSAGE_INVALID', says: /not valid JSON/ },
  },
  {
    name: 'JSON that is not JSON-RPC is refused',
    message: (scene) => ({ ...inSession(scene), body: '{"id":9,"hello":"world"}' }),
    refusal: { by: 'reply', ...invalid, id: 9, says: /"jsonrpc" must be "2.0"/ },
  },
  {
    name: 'a batch is refused',
    message: (scene) => ({ ...inSession(scene), body: `[${PING}]` }),
    refusal: { by: 'reply', ...invalid, says: /batches/ },
  },
  {
    name: 'a null id is refused',
    message: (scene) => ({ ...inSession(scene), body: '{"jsonrpc":"2.0","id":null,"method":"ping"}' }),
    refusal: { by: 'reply', ...invalid, says: /"id" must be/ },
  },
  {
    name: 'a message with a member too many is refused',
    message: (scene) => ({ ...inSession(scene), body: '{"jsonrpc":"2.0","id":9,"method":"ping","extra":1}' }),
    refusal: { by: 'reply', ...invalid, id: 9, says: /unexpected member "extra"/ },
  },
  {
    name: 'a message that nests too deep is refused',
    message: (scene) => ({ ...inSession(scene), body: '['.repeat(200_000), requestId: 9 }),
    refusal: { by: 'reply', ...invalid, id: 9, says: /nests deeper/ },
  },
  {
    name: 'a malformed _meta is refused',
    message: (scene) => ({
      ...inSession(scene),
      body: '{"jsonrpc":"2.0","id":9,"method":"ping","params":{"_meta":{"progressToken":{}}}}',
    }),
    refusal: { by: 'reply', ...invalid, id: 9, says: /progressToken/ },
  },
];

const SESSIONS: readonly BadMessage[] = [
  {
    name: 'a request for an unknown session is answered where it says',
    message: (scene) => ({ ...answerable(scene), sessionId: 'no-such-session', body: PING }),
    refusal: { by: 'reply', ...unknownSession, id: 9 },
  },
  {
    name: 'a request for an unknown session that says not where to answer is dead-lettered',
    message: ({ peer }) => ({ clientId: peer.clientId, sessionId: 'no-such-session', body: PING }),
    refusal: { by: 'dead-letter', ...unknownSession },
  },
  {
    name: "a request for another client's session is refused as if there were none",
    message: (scene) => ({ ...answerable(scene), sessionId: scene.other.sessionId, body: PING }),
    refusal: { by: 'reply', ...unknownSession, id: 9 },
  },
  {
    name: 'a request that leaves out the client id of its session is refused',
    message: ({ peer, sessionId }) => ({ sessionId, replyTo: peer.address, body: PING }),
    refusal: { by: 'reply', ...unknownSession, id: 9 },
  },
  {
    name: "a bad body under another client's session is not answered to that client",
    message: (scene) => ({ ...answerable(scene), sessionId: scene.other.sessionId, body: 'hello', requestId: 9 }),
    refusal: { by: 'reply', code: -32700, dataCode: 'ERR_MESSAGE_INVALID', id: 9, says: /not valid JSON/ },
  },
  {
    name: 'an unknown protocol version is refused',
    message: (scene) => ({ ...inSession(scene), protocolVersion: '1999-12-31', body: PING }),
    refusal: {
      by: 'reply',
      code: -32600,
      dataCode: 'ERR_PROTOCOL_VERSION',
      id: 9,
      says: /1999-12-31 is not supported. Supported: .*2025-06-18/,
    },
  },
  {
    name: 'a request without a session is told to initialize',
    message: (scene) => ({ ...answerable(scene), body: PING }),
    refusal: { by: 'reply', code: -32600, dataCode: 'ERR_SESSION_REQUIRED', id: 9, says: /initialize/ },
  },
  {
    name: 'the probe of a newer client hears that its method is not known',
    message: (scene) => ({ ...answerable(scene), body: '{"jsonrpc":"2.0","id":"probe","method":"server/discover"}' }),
    refusal: { by: 'reply', code: -32601, dataCode: 'ERR_SESSION_REQUIRED', id: 'probe', says: /server\/discover/ },
  },
];

const ADDRESSES: readonly BadMessage[] = [
  {
    name: 'an initialize without a reply address is answered where the message says',
    message: (scene) => ({ ...answerable(scene), body: initializeBody({ capabilities: {} }) }),
    refusal: { by: 'reply', code: -32602, dataCode: 'ERR_MESSAGE_INVALID', id: 9, says: /no reply address/ },
  },
  {
    name: 'an initialize without any reply address is dead-lettered',
    message: () => ({ body: initializeBody({ capabilities: {} }) }),
    refusal: { by: 'dead-letter', code: -32602, dataCode: 'ERR_MESSAGE_INVALID', says: /no reply address/ },
  },
  {
    name: 'an initialize with a refused reply address opens no session',
    message: (scene) => ({ ...answerable(scene), body: initializeBody(scene.peer.initializeParams(scene.fixture.refusedAddress)) }),
    refusal: { by: 'reply', code: -32602, dataCode: 'ERR_REPLY_ADDRESS_REFUSED', id: 9, says: /does not send to/ },
  },
  {
    name: 'a single message cannot name a refused reply address either',
    message: ({ fixture, peer }) => ({ clientId: peer.clientId, replyTo: fixture.refusedAddress, body: PING }),
    refusal: { by: 'dead-letter', code: -32600, dataCode: 'ERR_SESSION_REQUIRED', says: /needs a session/ },
  },
  {
    name: 'an initialize that names a session is refused',
    message: (scene) => ({ ...inSession(scene), body: initializeBody(scene.peer.initializeParams()) }),
    refusal: { by: 'reply', ...invalid, id: 9, says: /opens a new session/ },
  },
];

/** Messages of strangers, each with the refusal that the design says; afterwards the server goes on. */
export const hostileInput: ContractGroup = {
  name: 'hostile input',
  cases: [
    ...[...BODIES, ...SESSIONS, ...ADDRESSES].map(refusalCase),

    contractCase('a request for an ended session is refused', async (stage) => {
      const { peer, sessionId, server } = await stage.peerInSession();
      await peer.send({ type: 'terminate', body: '{}', sessionId, clientId: peer.clientId });
      await stage.eventually('the session to end', () => server.sessions.list().length === 0);
      await peer.request(9, 'ping', {}, { sessionId, replyTo: peer.address });
      checkReply(await peer.reply(9), unknownSession);
    }),

    contractCase("nobody can end another client's session", async (stage) => {
      const { peer, sessionId, server } = await stage.peerInSession();
      const other = await stage.peer();
      await other.initialize();
      await other.send({ type: 'terminate', body: '{}', sessionId, clientId: other.clientId });
      await other.send({ type: 'terminate', body: '{}', sessionId });
      await other.send({ type: 'terminate', body: '{}' });
      await goesOn(peer, sessionId);
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
      await goesOn(peer, sessionId);
    }),

    contractCase('a result that is too large becomes an error that names both sizes', async (stage) => {
      stage.expectErrors('ERR_MESSAGE_TOO_LARGE');
      const { peer, sessionId } = await stage.peerInSession();
      const { maxMessageBytes } = stage.fixture;
      const params = { name: 'large', arguments: { key: String(maxMessageBytes) } };
      await peer.request(9, 'tools/call', params, { sessionId });
      const reply = await peer.reply(9);
      checkReply(reply, { code: -32603, dataCode: 'ERR_MESSAGE_TOO_LARGE', says: /does not fit/ });
      const sizes = sizesIn(reply);
      ok(sizes.includes(maxMessageBytes), `the limit is not in ${JSON.stringify(reply)}`);
      ok(Math.max(...sizes) > maxMessageBytes, `the size is not in ${JSON.stringify(reply)}`);
      await goesOn(peer, sessionId);
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
      const body = JSON.stringify({ jsonrpc: '2.0', id: idOfLastRequest(test.log.of('gated')), result: { content: [] } });
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
    const scene = { fixture: stage.fixture, peer, sessionId, other: { peer: other, sessionId: await other.initialize() } };
    const seenByOther = other.received.length;
    const bad = message(scene);
    const expected = stage.fixture.refusal?.(refusal, name) ?? refusal;
    if (expected.by === 'dead-letter') stage.expectErrors(expected.dataCode, 'ERR_DEAD_LETTERED');
    await peer.send(bad);
    if (expected.by === 'reply') checkReply(await peer.reply(expected.id), expected);
    else await checkDeadLetter(stage, bad.body, expected.says);
    await goesOn(peer, sessionId);
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

async function goesOn(peer: RawPeer, sessionId: string): Promise<void> {
  const id = `good ${randomUUID()}`;
  await peer.request(id, 'ping', {}, { sessionId });
  deepEqual(await peer.reply(id), { jsonrpc: '2.0', id, result: {} });
}

function checkReply(reply: Reply, { code, dataCode, says }: Pick<Refusal, 'code' | 'dataCode' | 'says'>): void {
  if (!('error' in reply)) throw new Error(`Not refused: ${JSON.stringify(reply)}`);
  equal(reply.error.code, code);
  equal(dataCodeOf(reply.error.data), dataCode);
  match(reply.error.message, says);
}

function sizesIn(reply: Reply): number[] {
  const text = 'error' in reply ? reply.error.message : '';
  return (text.match(/\d+/g) ?? []).map(Number);
}

function idOfLastRequest(runs: readonly { readonly requestId: string | number }[]): string | number {
  const last = runs.at(-1);
  if (last === undefined) throw new Error('No call has run.');
  return last.requestId;
}
