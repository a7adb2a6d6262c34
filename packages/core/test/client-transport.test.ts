import { describe, expect, it, jest } from '@jest/globals';
import { ClientTransport } from '../src/client-transport.js';
import { createDelivery } from '../src/delivery.js';
import { createMetadata } from '../src/envelope.js';
import { AsyncMcpError } from '../src/errors.js';
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js';
import type { ClientWireEvents } from '../src/client-wire.js';
import type { InboundEnvelope } from '../src/envelope.js';

type From = Partial<
  Pick<InboundEnvelope, 'clientId' | 'sessionId' | 'extended' | 'replyTo' | 'broadcast' | 'messageId'>
>;

interface TestClient {
  readonly transport: ClientTransport;
  /** What the SDK was handed. */
  readonly taken: JSONRPCMessage[];
  /** Where each response of this client went: an address, or `usual`. */
  readonly responses: string[];
  readonly errors: Error[];
  accepts(message: JSONRPCMessage, from: From): boolean;
  receive(message: JSONRPCMessage, from: From): Promise<void>;
  lose(error: AsyncMcpError): void;
  discard(message: JSONRPCMessage, from: From): void;
}

async function startClient(allowsAddress: (address: string) => boolean = () => true): Promise<TestClient> {
  const taken: JSONRPCMessage[] = [];
  const responses: string[] = [];
  const errors: Error[] = [];
  let events: ClientWireEvents | undefined;
  let initializeId: RequestId | undefined;
  const transport = new ClientTransport({
    clientId: 'me',
    wire: {
      open: async (given) => {
        events = given;
        return 'replies';
      },
      publish: async ({ message }) => {
        if ('result' in message) responses.push('usual');
        if ('method' in message && message.method === 'initialize' && 'id' in message) initializeId = message.id;
      },
      publishTo: async (address) => void responses.push(address),
      allowsAddress,
      terminate: async () => {},
      withReplyAddress: (params) => ({ ...params }),
      close: async () => {},
    },
  });
  transport.onmessage = (message) => taken.push(message);
  transport.onerror = (error) => errors.push(error);
  await transport.start();
  return {
    transport,
    taken,
    responses,
    errors,
    accepts: (message, from) => events?.accepts(envelopeOf(message, from)) ?? false,
    async receive(message, from) {
      const settlement = { ack: async () => {}, retry: async () => {}, reject: async () => {} };
      await events?.receive(createDelivery(envelopeOf(travelling(message), from), 1, settlement));
    },
    lose: (error) => events?.lost(error),
    discard: (message, from) => events?.discarded(envelopeOf(message, from)),
  };

  /** `initialize` has an id of its own on the wire. */
  function travelling(message: JSONRPCMessage): JSONRPCMessage {
    return message === INITIALIZED && initializeId !== undefined ? { ...INITIALIZED, id: initializeId } : message;
  }
}

function envelopeOf(message: JSONRPCMessage, { extended = true, ...metadata }: From): InboundEnvelope {
  return { ...createMetadata(metadata), type: 'jsonrpc', body: JSON.stringify(message), extended };
}

const INITIALIZED = { jsonrpc: '2.0', id: 0, result: { protocolVersion: '2025-06-18' } } as const;
const FORGED = { jsonrpc: '2.0', id: 1, error: { code: -32600, message: 'forged' } } as const;
const RESULT = { jsonrpc: '2.0', id: 1, result: {} } as const;

/** A client whose `initialize` is under way. */
async function startInitializing(): Promise<TestClient> {
  const client = await startClient();
  await client.transport.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: {} });
  return client;
}

/** A client with session `mine` and a call, id 1, under way. */
async function startCalling(from: From): Promise<TestClient> {
  const client = await startInitializing();
  await client.receive(INITIALIZED, { ...from, sessionId: 'mine' });
  expect(client.transport.sessionId).toBe('mine');
  await client.transport.send({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: {} });
  client.taken.splice(0);
  return client;
}

describe('a reply to somebody who gave no client id', () => {
  it('does not fix the session of a client that waits for initialize', async () => {
    const client = await startInitializing();
    const strangers = { sessionId: 'of-a-stranger' };
    expect(client.accepts(INITIALIZED, strangers)).toBe(false);
    await client.receive(INITIALIZED, strangers);
    expect(client.transport.sessionId).toBeUndefined();
    expect(client.taken).toEqual([]);
    expect(client.transport.counters.foreign).toBe(1);
    await client.receive(INITIALIZED, { clientId: 'me', sessionId: 'mine' });
    expect(client.transport.sessionId).toBe('mine');
    expect(client.taken).toEqual([INITIALIZED]);
  });

  it.each<[string, From]>([
    ['a server of this project, without a session', {}],
    ['a server of this project, in our session', { sessionId: 'mine' }],
    ['another server, without a session', { extended: false }],
    ['another server, in another session', { extended: false, sessionId: 'other' }],
    ['a server of this project, to us, in another session', { clientId: 'me', sessionId: 'other' }],
  ])('does not end a call: %s', async (_name, from) => {
    const client = await startCalling({ clientId: 'me' });
    expect(client.accepts(FORGED, from)).toBe(false);
    await client.receive(FORGED, from);
    expect(client.taken).toEqual([]);
    await client.receive(RESULT, { clientId: 'me', sessionId: 'mine' });
    expect(client.taken).toEqual([RESULT]);
  });

  it('is taken from a server that echoes no client ids, if it names our session', async () => {
    const client = await startCalling({ extended: false });
    expect(client.accepts(RESULT, { extended: false, sessionId: 'mine' })).toBe(true);
    await client.receive(RESULT, { extended: false, sessionId: 'mine' });
    expect(client.taken).toEqual([RESULT]);
  });
});

describe('where a server wants its own requests answered', () => {
  const ping = (id: string) => ({ jsonrpc: '2.0', id, method: 'ping' }) as const;
  const pong = (id: string) => ({ jsonrpc: '2.0', id, result: {} }) as const;
  const there = { clientId: 'me', replyTo: 'there' };

  it.each<[string, () => boolean]>([
    [
      'throws',
      () => {
        throw new Error('policy');
      },
    ],
    // What a policy without types may come to.
    ['is asynchronous', () => Promise.resolve(true) as unknown as boolean],
  ])('is refused by a policy that %s, and the request is handled all the same', async (_name, allows) => {
    const client = await startClient(allows);
    await client.receive(ping('a'), there);
    await client.transport.send(pong('a'));
    expect(client.taken).toEqual([ping('a')]);
    expect(client.responses).toEqual(['usual']);
    expect(client.errors.at(-1)).toMatchObject({ code: 'ERR_REPLY_ADDRESS_REFUSED' });
  });

  it('is forgotten when the server takes the request back', async () => {
    const client = await startClient();
    const cancelled = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'a' } } as const;
    await client.receive(ping('a'), there);
    await client.receive(ping('b'), there);
    await client.receive(cancelled, there);
    await client.transport.send(pong('a'));
    await client.transport.send(pong('b'));
    expect(client.responses).toEqual(['usual', 'there']);
  });

  it('is remembered for a bounded number of requests', async () => {
    const client = await startClient();
    for (let count = 0; count <= 10_000; count++) await client.receive(ping(`p${count}`), there);
    await client.transport.send(pong('p0'));
    await client.transport.send(pong('p10000'));
    expect(client.responses).toEqual(['usual', 'there']);
  });
});

describe('initialize', () => {
  it('travels under an id of its own, so that of two clients that share an address each takes its own answer', async () => {
    const client = await startInitializing();
    const stranger = { ...INITIALIZED, id: 0 };
    expect(client.accepts(stranger, { extended: false, sessionId: 'another' })).toBe(false);
    await client.receive(stranger, { extended: false, sessionId: 'another' });
    expect(client.transport.sessionId).toBeUndefined();
    await client.receive(INITIALIZED, { extended: false, sessionId: 'mine' });
    expect(client.transport.sessionId).toBe('mine');
    // The SDK gets the answer under the id it knows.
    expect(client.taken).toEqual([{ ...INITIALIZED, id: 0 }]);
  });
});

it('an initialize that the SDK gave up is no longer waited for', async () => {
  const client = await startInitializing();
  await client.transport.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 0 } });
  await client.receive(INITIALIZED, { clientId: 'me', sessionId: 'late' });
  expect(client.transport.sessionId).toBeUndefined();
  expect(client.taken).toEqual([]);
  expect(client.transport.counters.duplicates).toBe(1);
});

describe('a reply channel', () => {
  it('that is lost closes the transport, even if onerror throws', async () => {
    const client = await startCalling({ clientId: 'me' });
    let closed = 0;
    client.transport.onclose = () => void closed++;
    client.transport.onerror = () => {
      throw new Error('of the user');
    };
    const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    client.lose(new AsyncMcpError('ERR_SUBSCRIPTION_GONE', 'gone'));
    await client.transport.close();
    expect(closed).toBe(1);
    expect(String(warned.mock.calls[0]?.[0])).toContain('threw');
    warned.mockRestore();
  });

  it('tells of what it threw away', async () => {
    const client = await startCalling({ clientId: 'me' });
    client.discard(RESULT, { extended: false, sessionId: 'another' });
    expect(client.transport.counters.foreign).toBe(1);
    expect(client.taken).toEqual([]);
  });

  it('brings a notification for all once, and nothing else that says it is for all', async () => {
    const client = await startCalling({ clientId: 'me' });
    const changed = { jsonrpc: '2.0', method: 'notifications/tools/list_changed' } as const;
    const forAll = { broadcast: true, messageId: 'b' } as const;
    await client.receive(changed, forAll);
    await client.receive(changed, forAll);
    await client.receive(RESULT, { broadcast: true });
    await client.receive({ jsonrpc: '2.0', id: 5, method: 'ping' }, { broadcast: true });
    await client.receive({ jsonrpc: '2.0', method: 'notifications/progress', params: {} }, { broadcast: true });
    expect(client.taken).toEqual([changed]);
    expect(client.transport.counters).toMatchObject({ duplicates: 1, invalid: 3 });
  });
});
