import {
  AsyncMcpError,
  integerOption,
  knownOptions,
  loggerOption,
  silentLogger,
  toAsyncMcpError,
} from '@asyncmcp/core';
import { closeApp, createApp, listen, pathOption } from './http-app.js';
import { ReceiverClients } from './receiver-clients.js';
import { addReceiverRoute } from './receiver-route.js';
import { createSeals } from './receiver-seal.js';
import { WaitingRoom } from './receiver-waiting.js';
import { maxMessageBytesOption } from './server-options.js';
import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import type { Logger } from '@asyncmcp/core';
import type { ListenOptions, ListeningAt } from './http-app.js';
import type { Attachment, ReceiverClient } from './receiver-clients.js';

export type { Attachment, ReceiverClient } from './receiver-clients.js';

/** Options of {@link WebhookReceiver}. */
export interface WebhookReceiverOptions {
  /** The path that webhooks are taken at. Default `/webhook/response`. */
  readonly path?: string | undefined;
  /**
   * What webhooks are signed with, `whsec_…`. Default: a new secret for each transport. One or several are shared by all
   * transports: the first is handed to servers, and all are good, so that one can be replaced without a pause. `false` takes
   * webhooks that are not signed, e.g. of the Python server, which does not sign: from anybody then, who knows or guesses the id
   * of a client or a session.
   */
  readonly secrets?: string | readonly string[] | false | undefined;
  /** Longest message, in bytes, 1,024 to 268,435,456. Default 1,048,576. */
  readonly maxMessageBytes?: number | undefined;
  /** How long a message waits for a transport that is not there yet, in milliseconds, 0 to 60,000. Default 2,000. */
  readonly waitForClientMs?: number | undefined;
  /** How far a signature's timestamp may be from now, either way, in seconds, 1 to 3,600. Default 300. */
  readonly toleranceSeconds?: number | undefined;
  /** pino-compatible. Default: silent. */
  readonly logger?: Logger | undefined;
}

const OPTION_NAMES = ['path', 'secrets', 'maxMessageBytes', 'waitForClientMs', 'toleranceSeconds', 'logger'];

/** How long a close lets requests that have begun to come in finish, in milliseconds. What is cut off is sent again. */
const FINISH_MS = 1000;

/** The client side's endpoint: takes webhooks in for any number of client transports of one process. */
export class WebhookReceiver {
  /** Where webhooks come in: the option `path`. */
  readonly path: string;
  /**
   * The route, for a fastify of your own: `await fastify.register(receiver.plugin, { prefix: '/x' })`. It leaves your other routes
   * as they are. When your fastify closes, the receiver stays open.
   */
  readonly plugin: FastifyPluginAsync;
  readonly #clients: ReceiverClients;
  readonly #waiting: WaitingRoom;
  #app: FastifyInstance | undefined;
  /** Settles when listening has begun or failed. */
  #starting: Promise<unknown> | undefined;
  #closed: Promise<void> | undefined;

  /** @throws AsyncMcpError `ERR_INVALID_OPTION` */
  constructor(options: WebhookReceiverOptions = {}) {
    knownOptions('WebhookReceiver', options, OPTION_NAMES);
    const path = pathOption('path', options.path, '/webhook/response');
    const logger = loggerOption(options.logger, silentLogger);
    const seals = createSeals(options.secrets, options.toleranceSeconds);
    const maxMessageBytes = maxMessageBytesOption(options.maxMessageBytes);
    const wait = { min: 0, max: 60_000, fallback: 2000, unit: 'milliseconds' };
    const waitMs = integerOption('waitForClientMs', options.waitForClientMs, wait);
    const clients = new ReceiverClients(seals, options.secrets === false);
    const waiting = new WaitingRoom(clients, waitMs);
    this.path = path;
    this.#clients = clients;
    this.#waiting = waiting;
    const isClosed = (): boolean => this.#closed !== undefined;
    this.plugin = async (app) => {
      this.#checkOpen();
      addReceiverRoute(app, { path, maxMessageBytes, clients, waiting, sharedSeal: seals.shared, isClosed, logger });
    };
  }

  /**
   * Listens, with a fastify of its own. After a failure it may be called again.
   *
   * @throws AsyncMcpError `ERR_ALREADY_STARTED`, `ERR_CLOSED`, `ERR_INVALID_OPTION`, `ERR_UNAVAILABLE` when the port cannot be had
   */
  async listen(options: ListenOptions): Promise<ListeningAt> {
    this.#checkOpen();
    if (this.#app !== undefined) {
      throw new AsyncMcpError(
        'ERR_ALREADY_STARTED',
        'This receiver listens already; any number of transports may use it.',
      );
    }
    const app = createApp();
    this.#app = app;
    const starting = this.#start(app, options);
    this.#starting = starting.catch(() => {});
    return starting;
  }

  /**
   * Takes no more messages: stops listening, in your own fastify answers 503, refuses what waits. Transports that are still
   * attached are told, and close: no reply can reach them any more. Idempotent; never rejects.
   */
  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  /**
   * Hands messages to a client from now on. Client transports call it when they start.
   *
   * @throws AsyncMcpError `ERR_CLOSED`, `ERR_INVALID_OPTION` when the client's id is attached already
   */
  attach(client: ReceiverClient): Attachment {
    this.#checkOpen();
    const attached = this.#clients.attach(client);
    this.#waiting.look(attached);
    return { secret: attached.seal?.secret, detach: () => this.#clients.detach(attached) };
  }

  async #start(app: FastifyInstance, options: ListenOptions): Promise<ListeningAt> {
    try {
      await app.register(this.plugin);
      const listening = await listen(app, options);
      // close() may have come meanwhile; it waits for this.
      this.#checkOpen();
      return listening;
    } catch (error) {
      this.#app = undefined;
      await app.close();
      throw toAsyncMcpError(error, 'ERR_INTERNAL', 'The receiver could not be started');
    }
  }

  async #close(): Promise<void> {
    this.#waiting.close();
    await this.#starting;
    if (this.#app !== undefined) await closeSoon(this.#app);
    // Last: what was under way has been delivered.
    const error = new AsyncMcpError('ERR_CLOSED', 'The webhook receiver of this transport was closed.');
    for (const { client } of this.#clients.clear()) client.events.lost(error);
  }

  #checkOpen(): void {
    if (this.#closed !== undefined) throw new AsyncMcpError('ERR_CLOSED', 'This receiver is closed; make a new one.');
  }
}

/** Whoever sends slowly does not hold it up. */
async function closeSoon(app: FastifyInstance): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, FINISH_MS);
  });
  try {
    await closeApp(app, late);
  } finally {
    clearTimeout(timer);
  }
}
