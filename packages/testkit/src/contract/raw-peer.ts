import { randomUUID } from 'node:crypto';
import { isNotification, isResponse, parseMessage } from '@asyncmcp/core';
import { Watch } from './watch.js';
import type { InboundEnvelope } from '@asyncmcp/core';
import type {
  JSONRPCErrorResponse,
  JSONRPCMessage,
  JSONRPCResultResponse,
  RequestId,
} from '@modelcontextprotocol/sdk/types.js';
import type { ContractFixture, PeerWire, RawMessage } from './fixture.js';

/** A message that reached a peer. */
export interface Received {
  readonly message: JSONRPCMessage;
  readonly envelope: InboundEnvelope;
}

export type Reply = JSONRPCResultResponse | JSONRPCErrorResponse;

const INITIALIZE = {
  protocolVersion: '2025-06-18',
  capabilities: {},
  clientInfo: { name: 'raw-peer', version: '1.0.0' },
};

/** A party on the wire without the SDK: sends whatever text it likes, and sees everything that reaches its address. */
export class RawPeer {
  readonly #wire: PeerWire;
  readonly #watch: Watch;
  readonly #received: Received[];
  readonly #taken = new Set<Received>();
  #closed: Promise<void> | undefined;

  /** Use {@link openPeer}. */
  constructor(wire: PeerWire, watch: Watch, received: Received[]) {
    this.#wire = wire;
    this.#watch = watch;
    this.#received = received;
  }

  get clientId(): string {
    return this.#wire.clientId;
  }

  get address(): string {
    return this.#wire.address;
  }

  /** Everything that has reached the address, taken by {@link next} or not. */
  get received(): readonly Received[] {
    return this.#received;
  }

  send(message: RawMessage): Promise<void> {
    return this.#wire.send(message);
  }

  /** Sends a JSON-RPC request under this peer's client id, as a well-behaved client does. */
  request(id: RequestId, method: string, params: object = {}, metadata: Partial<RawMessage> = {}): Promise<void> {
    const body = JSON.stringify({ jsonrpc: '2.0', id, method, params });
    return this.send({ clientId: this.clientId, messageId: randomUUID(), requestId: id, ...metadata, body });
  }

  notify(method: string, params: object, metadata: Partial<RawMessage>): Promise<void> {
    const body = JSON.stringify({ jsonrpc: '2.0', method, params });
    return this.send({ clientId: this.clientId, messageId: randomUUID(), ...metadata, body });
  }

  /** The params of an `initialize` whose replies come here, or go to another address. */
  initializeParams(address: string = this.address): Record<string, unknown> {
    return { ...INITIALIZE, _meta: this.#wire.initializeMeta(address) };
  }

  /** Opens a session and resolves with its id. */
  async initialize(): Promise<string> {
    const id = `initialize-${randomUUID()}`;
    await this.request(id, 'initialize', this.initializeParams());
    const { envelope, message } = await this.next('the reply to initialize', (one) => isReplyTo(one, id));
    const { sessionId } = envelope;
    if (sessionId === undefined)
      throw new Error(`The reply to initialize has no session id: ${JSON.stringify(message)}`);
    await this.notify('notifications/initialized', {}, { sessionId });
    return sessionId;
  }

  /** Waits for the reply to a request id, the very id and type. */
  async reply(id: RequestId | undefined): Promise<Reply> {
    const what = `the reply to ${JSON.stringify(id) ?? 'a message without id'}`;
    const { message } = await this.next(what, (one) => isReplyTo(one, id));
    if (!isResponse(message)) throw new Error('Only a response is a reply.');
    return message;
  }

  /** The replies to a request id so far. */
  replies(id: RequestId): readonly Received[] {
    return this.#received.filter((one) => isReplyTo(one, id));
  }

  /** Waits for the first message that fits and was not taken before; takes it. */
  next(what: string, fits: (received: Received) => boolean): Promise<Received> {
    return this.#watch.until(what, () => {
      const found = this.#received.find((one) => !this.#taken.has(one) && fits(one));
      if (found !== undefined) this.#taken.add(found);
      return found;
    });
  }

  /** Waits until this many messages fit, taken or not. */
  async count(what: string, count: number, fits: (received: Received) => boolean): Promise<void> {
    await this.#watch.until(what, () => this.#received.filter(fits).length >= count);
  }

  /** Idempotent. */
  close(): Promise<void> {
    return (this.#closed ??= this.#wire.close());
  }
}

/** Makes a peer on a fixture's wire. */
export async function openPeer(fixture: ContractFixture, patienceMs: number): Promise<RawPeer> {
  const received: Received[] = [];
  const watch = new Watch(patienceMs);
  const wire = await fixture.createPeer((envelope) => {
    received.push({ envelope, message: readMessage(envelope.body) });
    watch.changed();
  });
  return new RawPeer(wire, watch, received);
}

/** Whether a message is the reply to this very id: 1 is not "1". */
export function isReplyTo({ message }: Received, id: RequestId | undefined): boolean {
  return isResponse(message) && message.id === id;
}

export function isNotificationOf({ message }: Received, method: string): boolean {
  return isNotification(message) && message.method === method;
}

/** A server sends nothing but JSON-RPC; if one does, the case that waits for its message says so. */
function readMessage(body: string): JSONRPCMessage {
  const parsed = parseMessage(body);
  if (parsed.ok) return parsed.message;
  return { jsonrpc: '2.0', method: `not a message: ${parsed.reason}` };
}
