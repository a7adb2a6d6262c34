import { randomUUID } from 'node:crypto';
import {
  AsyncMcpError,
  JsonRpcErrorCode,
  SessionHost,
  createEnvelope,
  errorResponse,
  toAsyncMcpError,
} from '@asyncmcp/core';
import { createAdmission } from './server-admission.js';
import { createBearerAuth } from './server-auth.js';
import { createClientSessions } from './server-client-sessions.js';
import { createGuardedAgent } from './guarded-agent.js';
import { closeApp, createApp, listen } from './http-app.js';
import { createInbox } from './server-inbox.js';
import { createWebhookReplyPort } from './server-reply-port.js';
import { addRequestRoutes } from './server-route.js';
import { checkWebhookServerOptions } from './server-options.js';
import { createUrlGuard } from './url-guard.js';
import { createWebhookSender } from './webhook-sender.js';
import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import type { InboundEnvelope, ReplyPort, Sessions } from '@asyncmcp/core';
import type { Agent } from 'undici';
import type { ListenOptions, ListeningAt } from './http-app.js';
import type { Inbox } from './server-inbox.js';
import type { CheckedWebhookServerOptions, WebhookServerOptions } from './server-options.js';
import type { UndeliveredWebhook, WebhookSender } from './webhook-sender.js';

/**
 * Serves MCP over webhooks: clients POST their messages here, and every reply is POSTed to the URL that the client gave when it
 * opened its session.
 */
export class WebhookServer {
  /** Told of every failure that you should know of. */
  onerror?: ((error: AsyncMcpError) => void) | undefined;
  /** Told of every message that could not be delivered, with the whole of it: keep it if you need it. */
  onundelivered?: ((failure: UndeliveredWebhook) => void) | undefined;
  /**
   * The routes, for a fastify of your own: `await fastify.register(server.plugin, { prefix: '/x' })`. It serves from when your
   * fastify is ready, and is closed with it.
   */
  readonly plugin: FastifyPluginAsync;
  readonly #options: CheckedWebhookServerOptions;
  readonly #addRoutes: (app: FastifyInstance) => void;
  readonly #host: SessionHost;
  readonly #inbox: Inbox;
  readonly #sender: WebhookSender;
  readonly #replyPort: ReplyPort;
  readonly #agent: Agent;
  readonly #onAbort = (): void => void this.close();
  #app: FastifyInstance | undefined;
  #state: 'new' | 'started' | 'closed' = 'new';
  #shutDown: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  /** @throws AsyncMcpError `ERR_INVALID_OPTION` */
  constructor(options: WebhookServerOptions) {
    const checked = checkWebhookServerOptions(options);
    const { logger } = checked.host;
    const { allowWebhookUrl, allowedPorts, lookup, tls, auth } = options;
    this.#options = checked;
    const guard = createUrlGuard({ allowWebhookUrl, allowedPorts, lookup });
    this.#agent = createGuardedAgent(guard, {
      responseTimeoutMs: checked.deliveryTimeoutMs,
      connectionsPerOrigin: CONNECTIONS_PER_ORIGIN,
      tls,
    });
    this.#sender = createWebhookSender({
      guard,
      agent: this.#agent,
      retryForMs: checked.deliverForMs,
      maxQueuedPerSession: checked.maxQueuedPerSession,
      onundelivered: (failure) => this.onundelivered?.(failure),
      logger,
    });
    const onundelivered = (failure: UndeliveredWebhook): void => this.onundelivered?.(failure);
    const recordOf = (sessionId: string): ReturnType<SessionHost['record']> => this.#host.record(sessionId);
    const onGone = (sessionId: string): void => void this.#endSession(sessionId);
    this.#replyPort = createWebhookReplyPort({ guard, sender: this.#sender, recordOf, onundelivered, onGone, logger });
    // Where others share the store, nobody knows how many sessions a client has.
    const clients = createClientSessions({
      recordOf,
      ttlMs: checked.host.sessionTtlMs,
      enabled: options.store === undefined,
    });
    this.#host = new SessionHost({
      ...checked.host,
      replyPort: this.#replyPort,
      onerror: (error) => this.onerror?.(error),
      answerAddress: checked.answerUrl,
      sessionOf: (sender) => clients.of(sender),
    });
    this.#inbox = createInbox({
      handle: (delivery) => this.#host.receive(delivery),
      onGivenUp: (envelope) => void this.#tellNotDone(envelope),
    });
    const admission = createAdmission({
      maxInFlight: checked.maxCallsInFlight,
      maxPerSession: checked.maxCallsPerSession,
    });
    const authenticate = auth === undefined ? undefined : createBearerAuth(auth, (error) => this.#report(error));
    this.#addRoutes = (app) => {
      this.#checkNotStarted();
      addRequestRoutes(app, {
        ...checked,
        inbox: this.#inbox,
        admission,
        authenticate,
        clients,
        serverId: randomUUID(),
        knows: (envelope) => this.#host.knows(envelope),
        isClosing: () => this.#state === 'closed',
      });
      // Last: a path that the user's fastify has already is refused above, and the server can be used elsewhere.
      this.#start();
    };
    this.plugin = async (app) => {
      this.#addRoutes(app);
      // Before it stops listening: whoever asks meanwhile is told to ask another.
      app.addHook('preClose', () => this.#end());
    };
  }

  /** The sessions live in this process. */
  get sessions(): Sessions {
    return this.#host;
  }

  /**
   * Listens, with a fastify of its own.
   *
   * @throws AsyncMcpError `ERR_ALREADY_STARTED`, `ERR_CLOSED`, `ERR_INVALID_OPTION`, `ERR_UNAVAILABLE` when the port cannot be
   *   had; make a new server then
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

  /**
   * Takes no more requests, lets running calls finish and their replies be delivered for up to `drainTimeoutMs` (the last
   * webhooks for two seconds at least), and frees everything. Calls that are not done by then are posted again by their clients,
   * to the next server; older peers, which do not, are answered with an error. Your own fastify stays open, and is told 503. Idempotent; never rejects.
   */
  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  #checkNew(): void {
    if (this.#state === 'closed' || this.#options.host.signal?.aborted === true) {
      throw new AsyncMcpError('ERR_CLOSED', 'This server is closed; make a new one.');
    }
    if (this.#state === 'started' || this.#app !== undefined) {
      throw new AsyncMcpError('ERR_ALREADY_STARTED', 'This server was started already.');
    }
  }

  #checkNotStarted(): void {
    if (this.#state === 'closed') throw new AsyncMcpError('ERR_CLOSED', 'This server is closed; make a new one.');
    if (this.#state === 'new') return;
    throw new AsyncMcpError('ERR_ALREADY_STARTED', 'This server was started already; its plugin is registered once.');
  }

  #start(): void {
    this.#state = 'started';
    this.#options.host.signal?.addEventListener('abort', this.#onAbort, { once: true });
    this.#host.start();
  }

  async #close(): Promise<void> {
    const ended = this.#end();
    try {
      // Stops listening at once; its routes answer 503 to what still comes over open connections.
      if (this.#app !== undefined) await closeApp(this.#app, ended);
    } catch (error) {
      this.#report(toAsyncMcpError(error, 'ERR_INTERNAL', 'The HTTP server failed to close'));
    }
    await ended;
  }

  #end(): Promise<void> {
    return (this.#shutDown ??= this.#finish());
  }

  async #finish(): Promise<void> {
    this.#state = 'closed';
    this.#options.host.signal?.removeEventListener('abort', this.#onAbort);
    const deadline = Date.now() + this.#options.host.drainTimeoutMs;
    // First, so that what the host gives back is not tried again here.
    this.#inbox.close();
    await this.#host.close();
    await this.#sender.close(Math.max(LAST_WEBHOOKS_MS, deadline - Date.now()));
    await this.#agent.destroy();
  }

  /**
   * A call that is neither done nor can be tried again here. A client of this project posts it again, to the next server; any other
   * waits for an answer, and gets this one.
   */
  async #tellNotDone(envelope: InboundEnvelope): Promise<void> {
    const { extended, requestIdHint, sessionId, clientId } = envelope;
    if (extended || requestIdHint === undefined || sessionId === undefined) return;
    const error = new AsyncMcpError('ERR_CLOSED', 'The server shut down before the call was done; call again.');
    const message = errorResponse(requestIdHint, JsonRpcErrorCode.internalError, error);
    try {
      const record = await this.#host.record(sessionId);
      if (record === undefined) return;
      await this.#replyPort.send(record.replyTo, createEnvelope(message, { sessionId, clientId }));
    } catch (failure) {
      this.#report(toAsyncMcpError(failure, 'ERR_UNAVAILABLE', `The client of session ${sessionId} could not be told`));
    }
  }

  /** The client's endpoint said that it is gone for good. */
  async #endSession(sessionId: string): Promise<void> {
    try {
      await this.#host.terminate(sessionId);
    } catch (error) {
      this.#report(toAsyncMcpError(error, 'ERR_SESSION_STORE', `Session ${sessionId} could not be ended`));
    }
  }

  #report(error: AsyncMcpError): void {
    try {
      this.#options.host.logger.error({ err: error }, error.message);
      this.onerror?.(error);
    } catch (thrown) {
      process.emitWarning(toAsyncMcpError(thrown, 'ERR_INTERNAL', 'The logger or onerror of a WebhookServer threw'));
    }
  }
}

/** How long a close lets the last webhooks go out, in milliseconds, even if calls took all of `drainTimeoutMs`. */
const LAST_WEBHOOKS_MS = 2000;

/** More than one endpoint may use at once (64), so that one that hangs leaves room for others of the same origin. */
const CONNECTIONS_PER_ORIGIN = 256;
