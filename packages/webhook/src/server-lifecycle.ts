import { AsyncMcpError, toAsyncMcpError } from '@asyncmcp/core';
import { closeApp, createApp, listen } from './http-app.js';
import type { Logger } from '@asyncmcp/core';
import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import type { ListenOptions, ListeningAt } from './http-app.js';

/** What a server does as it begins and ends. */
export interface ServerLifecycleOptions {
  /** Adds the routes to an instance of fastify that is theirs alone. It may throw, for a path that is taken: nothing has begun then. */
  readonly addRoutes: (app: FastifyInstance) => void;
  /** Called once, when the routes are there. */
  readonly begin: () => void;
  /** Called once, when nothing more is to be taken: lets finish what is under way, and frees everything. Must not reject. */
  readonly finish: () => Promise<void>;
  /** Aborting it closes the server. */
  readonly signal: AbortSignal | undefined;
  /** Told of what fails beside a call. */
  readonly report: (error: AsyncMcpError) => void;
}

/** How a server that speaks HTTP begins and ends: once each, with a fastify of its own or in the user's. */
export class ServerLifecycle {
  /** The routes, for a fastify of the user's. */
  readonly plugin: FastifyPluginAsync;
  readonly #options: ServerLifecycleOptions;
  readonly #onAbort = (): void => void this.close();
  #app: FastifyInstance | undefined;
  #state: 'new' | 'started' | 'closed' = 'new';
  #finished: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  /** For one server; nothing happens yet. */
  constructor(options: ServerLifecycleOptions) {
    this.#options = options;
    this.plugin = async (app) => {
      this.#addRoutes(app);
      // What runs is told at once; fastify gives hooks like this one its pluginTimeout, ten seconds by default, and then fails.
      app.addHook('preClose', async () => void this.#finish());
      // Here it waits, for as long as it takes.
      app.addHook('onClose', () => this.#finish());
    };
  }

  /** Whether nothing is taken any more. */
  get isClosing(): boolean {
    return this.#state === 'closed';
  }

  /**
   * Listens, with a fastify of its own.
   *
   * @throws AsyncMcpError `ERR_ALREADY_STARTED`, `ERR_CLOSED`, `ERR_INVALID_OPTION`, `ERR_UNAVAILABLE` when the port cannot be
   *   had
   */
  async listen(options: ListenOptions): Promise<ListeningAt> {
    this.#checkNew();
    const app = createApp();
    this.#app = app;
    try {
      await app.register(async (own) => this.#addRoutes(own));
      return await listen(app, options);
    } catch (error) {
      await this.close();
      throw toAsyncMcpError(error, 'ERR_INTERNAL', 'The server could not be started');
    }
  }

  /** Idempotent; never rejects. */
  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  /** Whether nothing can begin any more. */
  get #isOver(): boolean {
    return this.#state === 'closed' || this.#options.signal?.aborted === true;
  }

  #checkNew(): void {
    if (this.#isOver) throw over();
    if (this.#state === 'started' || this.#app !== undefined) {
      throw new AsyncMcpError('ERR_ALREADY_STARTED', 'This server was started already.');
    }
  }

  #addRoutes(app: FastifyInstance): void {
    if (this.#isOver) throw over();
    if (this.#state === 'started') {
      const text = 'This server was started already; its plugin is registered once.';
      throw new AsyncMcpError('ERR_ALREADY_STARTED', text);
    }
    this.#options.addRoutes(app);
    // Last: a path that the user's fastify has already is refused above, and the server can be used elsewhere.
    this.#state = 'started';
    this.#options.signal?.addEventListener('abort', this.#onAbort, { once: true });
    this.#options.begin();
  }

  async #close(): Promise<void> {
    const finished = this.#finish();
    try {
      // Stops listening at once; its routes answer 503 to what still comes over open connections.
      if (this.#app !== undefined) await closeApp(this.#app, finished);
    } catch (error) {
      this.#options.report(toAsyncMcpError(error, 'ERR_INTERNAL', 'The HTTP server failed to close'));
    }
    await finished;
  }

  #finish(): Promise<void> {
    this.#state = 'closed';
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    return (this.#finished ??= this.#options.finish());
  }
}

function over(): AsyncMcpError {
  return new AsyncMcpError('ERR_CLOSED', 'This server is closed; make a new one.');
}

/** Who is told of errors, and in whose name. */
export interface ReporterOptions {
  /** The class that reports, e.g. `WebhookServer`. */
  readonly name: string;
  /** Told first. */
  readonly logger: Logger;
  /** Told of every error; what it throws becomes a warning of the process. */
  readonly onerror: (error: AsyncMcpError) => void;
}

/** Tells the log and the user of an error. Whatever they do with it, it does not stop what was being done. */
export function createReporter({ name, logger, onerror }: ReporterOptions): (error: AsyncMcpError) => void {
  return (error) => {
    try {
      logger.error({ err: error }, error.message);
      onerror(error);
    } catch (thrown) {
      process.emitWarning(toAsyncMcpError(thrown, 'ERR_INTERNAL', `The logger or onerror of a ${name} threw`));
    }
  };
}
