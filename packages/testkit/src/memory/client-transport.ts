import { randomUUID } from 'node:crypto';
import {
  ClientTransport,
  encodeEnvelope,
  encodeTermination,
  isRecord,
  knownOptions,
  loggerOption,
  silentLogger,
} from '@asyncmcp/core';
import { MemoryConsumer } from './consumer.js';
import type { ClientWire, Envelope, Logger } from '@asyncmcp/core';
import type { MemoryBroker } from './broker.js';

/** Options of {@link MemoryClientTransport}. */
export interface MemoryClientTransportOptions {
  readonly broker: MemoryBroker;
  /** The queue that the server takes requests from. */
  readonly requestQueue: string;
  /** The queue that replies come to, this transport's alone. Default: a new one, deleted on close. */
  readonly responseQueue?: string | undefined;
  /** Names this client to servers. Default: a new UUID. */
  readonly clientId?: string | undefined;
  /** pino-compatible. Default: silent. */
  readonly logger?: Logger | undefined;
}

const OPTION_NAMES = ['broker', 'requestQueue', 'responseQueue', 'clientId', 'logger'];

const LEASE_MS = 30_000;
const LIMIT = 100;

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
      consumer = new MemoryConsumer({
        broker,
        queue,
        limit: LIMIT,
        leaseMs: LEASE_MS,
        handle: (delivery) => events.receive(delivery),
        onerror: (error) => events.failed(error),
      });
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
}
