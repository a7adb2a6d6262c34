import type { ContractFixture, RawMessage, Refusal } from './fixture.js';
import type { RawPeer } from './raw-peer.js';

/** What a bad message is made of: a peer with a session on the server under test. */
export interface Scene {
  readonly fixture: ContractFixture;
  readonly peer: RawPeer;
  readonly sessionId: string;
  /** Another client of the same server, and its session. */
  readonly other: { readonly peer: RawPeer; readonly sessionId: string };
}

export interface BadMessage {
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
/** What is said of a session that is unknown, has ended, expired, or is not the sender's: always the same. */
export const UNKNOWN_SESSION = { code: -32001, dataCode: 'ERR_SESSION_NOT_FOUND', says: /unknown, has ended/ } as const;

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
    message: (scene) => ({ ...inSession(scene), body: '['.repeat(scene.fixture.maxMessageBytes / 2), requestId: 9 }),
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
    refusal: { by: 'reply', ...UNKNOWN_SESSION, id: 9 },
  },
  {
    name: 'a request for an unknown session that says not where to answer is dead-lettered',
    message: ({ peer }) => ({ clientId: peer.clientId, sessionId: 'no-such-session', body: PING }),
    refusal: { by: 'dead-letter', ...UNKNOWN_SESSION },
  },
  {
    name: "a request for another client's session is refused as if there were none",
    message: (scene) => ({ ...answerable(scene), sessionId: scene.other.sessionId, body: PING }),
    refusal: { by: 'reply', ...UNKNOWN_SESSION, id: 9 },
  },
  {
    name: 'a request that leaves out the client id of its session is refused',
    message: ({ peer, sessionId }) => ({ sessionId, replyTo: peer.address, body: PING }),
    refusal: { by: 'reply', ...UNKNOWN_SESSION, id: 9 },
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
      says: /1999-12-31" is not supported. Supported: .*2025-06-18/,
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
    message: (scene) => ({
      ...answerable(scene),
      body: initializeBody(scene.peer.initializeParams(scene.fixture.refusedAddress)),
    }),
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

/** One bad message after the other, each with the refusal that the design says. */
export const BAD_MESSAGES: readonly BadMessage[] = [...BODIES, ...SESSIONS, ...ADDRESSES];
