import {
  AsyncMcpError,
  SERVER_OPTION_NAMES,
  SessionHost,
  checkServerOptions,
  encodeEnvelope,
  functionOption,
  integerOption,
  isRecord,
  knownOptions,
  stringOption,
} from '@asyncmcp/core';
import { MemoryConsumer } from './consumer.js';
import type { AllowReplyTo, Delivery, ReplyPort, ServerOptions, Sessions } from '@asyncmcp/core';
import type { MemoryBroker } from './broker.js';

/** Options of {@link MemoryServer}. */
export interface MemoryServerOptions extends ServerOptions {
  readonly broker: MemoryBroker;
  /** The queue that clients send to. */
  readonly requestQueue: string;
  /** Which queues replies may go to. Default: every queue but the request queue. */
  readonly allowReplyTo?: AllowReplyTo | undefined;
  /** A queue of this server alone where clients answer its own requests. Default: they answer to the request queue. */
  readonly answerQueue?: string | undefined;
  /** For how long a received message is hidden from others unless renewed, in milliseconds. Default 30,000. */
  readonly leaseMs?: number | undefined;
}

const OPTION_NAMES = [...SERVER_OPTION_NAMES, 'broker', 'requestQueue', 'allowReplyTo', 'answerQueue', 'leaseMs'];

/** Room beyond the running calls, so that answers and cancellations come in while all of `concurrency` is taken. */
const HEADROOM = 10;

/** Serves MCP over a {@link MemoryBroker}: what the servers of real transports do, without the wire. */
export class MemoryServer {
  onerror?: ((error: AsyncMcpError) => void) | undefined;
  readonly sessions: Sessions;
  readonly #host: SessionHost;
  readonly #consumers: readonly MemoryConsumer[];
  readonly #signal: AbortSignal | undefined;
  #state: 'new' | 'started' | 'closed' = 'new';
  #closed: Promise<void> | undefined;
  readonly #onAbort = (): void => void this.close();

  /** @throws AsyncMcpError `ERR_INVALID_OPTION` */
  constructor(options: MemoryServerOptions) {
    knownOptions('MemoryServer', options, OPTION_NAMES);
    const checked = checkServerOptions(options);
    const { broker, answerQueue } = options;
    const requestQueue = stringOption('requestQueue', options.requestQueue);
    const leaseMs = integerOption('leaseMs', options.leaseMs, { min: 10, max: 3_600_000, fallback: 30_000 });
    const onerror = (error: AsyncMcpError): void => this.onerror?.(error);
    this.#signal = options.signal;
    this.#host = new SessionHost({
      ...checked,
      onerror,
      replyPort: createReplyPort(options),
      ...(answerQueue !== undefined && { answerAddress: answerQueue }),
    });
    this.sessions = this.#host;
    const handle = (delivery: Delivery): Promise<void> => this.#host.receive(delivery);
    const limit = checked.concurrency + HEADROOM;
    this.#consumers = [requestQueue, ...(answerQueue === undefined ? [] : [answerQueue])].map(
      (queue) => new MemoryConsumer({ broker, queue, handle, limit, leaseMs, onerror }),
    );
  }

  /** @throws AsyncMcpError `ERR_ALREADY_STARTED`, `ERR_CLOSED` */
  async start(): Promise<void> {
    if (this.#state === 'closed' || this.#signal?.aborted === true) {
      throw new AsyncMcpError('ERR_CLOSED', 'This server is closed; make a new one.');
    }
    if (this.#state === 'started') {
      throw new AsyncMcpError('ERR_ALREADY_STARTED', 'This server was started already.');
    }
    this.#state = 'started';
    this.#signal?.addEventListener('abort', this.#onAbort, { once: true });
    this.#host.start();
    for (const consumer of this.#consumers) consumer.start();
  }

  /** Takes no more requests, lets running calls finish for up to `drainTimeoutMs`, gives the rest back. Idempotent. */
  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#state = 'closed';
    this.#signal?.removeEventListener('abort', this.#onAbort);
    await Promise.all(this.#consumers.map((consumer) => consumer.stop()));
    // The consumers still renew the leases of what is being finished.
    await this.#host.close();
    await Promise.all(this.#consumers.map((consumer) => consumer.close()));
  }
}

function createReplyPort({ broker, requestQueue, allowReplyTo }: MemoryServerOptions): ReplyPort {
  return {
    send: (queue, envelope) =>
      broker.send(queue, { body: JSON.stringify(envelope.message), attributes: encodeEnvelope(envelope) }),
    addressOf(params) {
      const meta = params['_meta'];
      const address = isRecord(meta) ? meta['responseQueueUrl'] : undefined;
      return typeof address === 'string' && address !== '' ? address : undefined;
    },
    allows:
      allowReplyTo === undefined ? (address) => address !== requestQueue : functionOption('allowReplyTo', allowReplyTo),
  };
}
