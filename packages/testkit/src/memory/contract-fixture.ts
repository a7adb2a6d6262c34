import { randomUUID } from 'node:crypto';
import { MemoryBroker } from './broker.js';
import { MemoryClientTransport } from './client-transport.js';
import { MemoryConsumer } from './consumer.js';
import { MemoryServer } from './server.js';
import { rawAttributes } from '../contract/raw-attributes.js';
import type { ClientTransport, InboundEnvelope } from '@asyncmcp/core';
import type { ContractFixture, PeerWire, RawMessage } from '../contract/fixture.js';
import type { BrokerMessage } from './queue.js';

const REQUEST_QUEUE = 'requests';
const REFUSED_QUEUE = 'somebody-else';
/** Small, so that what is too large is not slow. */
const MAX_MESSAGE_BYTES = 300_000;

export interface MemoryFixtureOptions {
  readonly broker?: MemoryBroker;
  /** Whether every server has its own queue for the answers to its requests. Default: false. */
  readonly answerQueues?: boolean;
  readonly patienceMs?: number;
}

/** The in-memory pair, for the transport contract. */
export function createMemoryFixture(options: MemoryFixtureOptions = {}): ContractFixture & { broker: MemoryBroker } {
  const { broker = new MemoryBroker({ maxMessageBytes: MAX_MESSAGE_BYTES }), answerQueues = false } = options;
  const replyQueues = new Map<ClientTransport, string>();
  const toServers = (queue: string): boolean => queue === REQUEST_QUEUE || queue.startsWith('answers-');
  const toClients = (queue: string): boolean => !toServers(queue);
  broker.createQueue(REQUEST_QUEUE);
  broker.createQueue(REFUSED_QUEUE);
  return {
    broker,
    refusedAddress: REFUSED_QUEUE,
    maxMessageBytes: broker.maxMessageBytes,
    patienceMs: options.patienceMs,
    async startServer(serverOptions) {
      const answerQueue = answerQueues ? `answers-${randomUUID()}` : undefined;
      if (answerQueue !== undefined) broker.createQueue(answerQueue);
      const allowReplyTo = (address: string): boolean => address !== REQUEST_QUEUE && address !== REFUSED_QUEUE;
      const server = new MemoryServer({
        ...serverOptions,
        broker,
        requestQueue: REQUEST_QUEUE,
        allowReplyTo,
        answerQueue,
      });
      await server.start();
      return server;
    },
    createClientTransport({ clientId } = {}) {
      const responseQueue = `replies-${randomUUID()}`;
      const transport = new MemoryClientTransport({ broker, requestQueue: REQUEST_QUEUE, responseQueue, clientId });
      replyQueues.set(transport, responseQueue);
      return transport;
    },
    createPeer: async (onMessage) => createPeer(broker, onMessage),
    async sendToClient(transport, message) {
      await broker.send(replyQueues.get(transport) ?? '', wireMessage(message));
    },
    deadLetters: async () => broker.deadLetters,
    duplicateRequests: (count) => broker.faults.duplicateNext(count, toServers),
    duplicateReplies: (count) => broker.faults.duplicateNext(count, toClients),
    failReplies: (count) => broker.faults.failSends(count, toClients),
    close: async () => broker.close(),
  };
}

function createPeer(broker: MemoryBroker, onMessage: (envelope: InboundEnvelope) => void): PeerWire {
  const address = `peer-${randomUUID()}`;
  broker.createQueue(address);
  const consumer = new MemoryConsumer({
    broker,
    queue: address,
    limit: 10,
    leaseMs: 30_000,
    handle: async (delivery) => {
      onMessage(delivery.envelope);
      await delivery.ack();
    },
    onerror: () => {},
  });
  consumer.start();
  return {
    clientId: `peer-${randomUUID()}`,
    address,
    initializeMeta: (responseQueueUrl) => ({ responseQueueUrl }),
    send: (message) => broker.send(REQUEST_QUEUE, wireMessage(message)),
    async close() {
      await consumer.close();
      broker.deleteQueue(address);
    },
  };
}

function wireMessage(message: RawMessage): BrokerMessage {
  return { body: message.body, attributes: rawAttributes(message) };
}
