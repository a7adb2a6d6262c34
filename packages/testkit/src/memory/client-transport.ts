import { randomUUID } from 'node:crypto';
import {
  AsyncMcpError,
  ClientTransport,
  encodeEnvelope,
  encodeTermination,
  isRecord,
  knownOptions,
  loggerOption,
  silentLogger,
} from '@asyncmcp/core';
import { MemoryConsumer } from './consumer.js';
import type { ClientWire, ClientWireEvents, Delivery, Envelope, Logger } from '@asyncmcp/core';
import type { MemoryBroker } from './broker.js';

/** Options of {@link MemoryClientTransport}. */
export interface MemoryClientTransportOptions {
  readonly broker: MemoryBroker;
  /** The queue that the server takes requests from. */
  readonly requestQueue: string;
  /** The queue that replies come to; several transports may share it. Default: one of its own, deleted on close. */
  readonly responseQueue?: string | undefined;
  /** Names this client to servers. Default: a new UUID. */
  readonly clientId?: string | undefined;
  /** pino-compatible. Default: silent. */
  readonly logger?: Logger | undefined;
}

const OPTION_NAMES = ['broker', 'requestQueue', 'responseQueue', 'clientId', 'logger'];

const LEASE_MS = 30_000;
const LIMIT = 100;
/** A message on a shared queue that nobody claims is handed on this often before it is dead-lettered. */
const UNCLAIMED_ATTEMPTS = 20;
const UNCLAIMED_DELAY_MS = 5;

/** A transport for the SDK's `Client` over a {@link MemoryBroker}. */
export class MemoryClientTransport extends ClientTransport {
  /** @throws AsyncMcpError `ERR_INVALID_OPTION` */
  constructor(options: MemoryClientTransportOptions) {
    knownOptions('MemoryClientTransport', options, OPTION_NAMES);
    const logger = loggerOption(options.logger, silentLogger);
    super({ wire: createMemoryWire(options), clientId: options.clientId, logger });
  }
}

function createMemoryWire({ broker, requestQueue, responseQueue }: MemoryClientTransportOptions): ClientWire {
  const queue = responseQueue ?? `replies-${randomUUID()}`;
  let consumer: MemoryConsumer | undefined;
  const send = (address: string, envelope: Envelope): Promise<void> =>
    broker.send(address, { body: JSON.stringify(envelope.message), attributes: encodeEnvelope(envelope) });
  return {
    async open(events) {
      broker.createQueue(queue);
      const handle = (delivery: Delivery): Promise<void> => receive(delivery, events);
      const onerror = (error: AsyncMcpError): void => events.failed(error);
      consumer = new MemoryConsumer({ broker, queue, handle, onerror, limit: LIMIT, leaseMs: LEASE_MS });
      consumer.start();
      return queue;
    },
    publish: (envelope) => send(requestQueue, envelope),
    publishTo: send,
    allowsAddress: (address) => broker.hasQueue(address),
    terminate: (metadata) => broker.send(requestQueue, { body: '{}', attributes: encodeTermination(metadata) }),
    withReplyAddress(params, responseQueueUrl) {
      const meta = params['_meta'];
      return { ...params, _meta: { ...(isRecord(meta) ? meta : {}), responseQueueUrl } };
    },
    async close() {
      await consumer?.close();
      if (responseQueue === undefined) broker.deleteQueue(queue);
    },
  };

  async function receive(delivery: Delivery, events: ClientWireEvents): Promise<void> {
    if (responseQueue === undefined || events.accepts(delivery.envelope)) return events.receive(delivery);
    if (delivery.attempt < UNCLAIMED_ATTEMPTS) return delivery.retry(UNCLAIMED_DELAY_MS);
    const { messageId } = delivery.envelope;
    const text = `Message ${messageId} on ${queue} belongs to nobody here.`;
    events.failed(new AsyncMcpError('ERR_UNCLAIMED_MESSAGE', text, { details: { messageId } }));
    return delivery.reject(text);
  }
}
