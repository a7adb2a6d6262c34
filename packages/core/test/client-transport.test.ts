import { describe, expect, it } from '@jest/globals';
import { ClientTransport } from '../src/client-transport.js';
import { createDelivery } from '../src/delivery.js';
import { createMetadata } from '../src/envelope.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { ClientWireEvents } from '../src/client-transport.js';
import type { InboundEnvelope } from '../src/envelope.js';

type From = Partial<Pick<InboundEnvelope, 'clientId' | 'sessionId' | 'extended' | 'replyTo'>>;

interface TestClient {
  readonly transport: ClientTransport;
  /** What the SDK was handed. */
  readonly taken: JSONRPCMessage[];
  /** Where each response of this client went: an address, or `usual`. */
  readonly responses: string[];
  readonly errors: Error[];
  accepts(message: JSONRPCMessage, from: From): boolean;
  receive(message: JSONRPCMessage, from: From): Promise<void>;
}

async function startClient(allowsAddress: (address: string) => boolean = () => true): Promise<TestClient> {
  const taken: JSONRPCMessage[] = [];
  const responses: string[] = [];
  const errors: Error[] = [];
  let events: ClientWireEvents | undefined;
  const transport = new ClientTransport({
    clientId: 'me',
    wire: {
      open: async (given) => {
        events = given;
        return 'replies';
      },
      publish: async ({ message }) => void ('result' in message && responses.push('usual')),
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
      await events?.receive(createDelivery(envelopeOf(message, from), 1, settlement));
    },
  };
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
