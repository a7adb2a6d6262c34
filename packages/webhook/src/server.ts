import { randomUUID } from 'node:crypto';
import { SessionHost, toAsyncMcpError } from '@asyncmcp/core';
import { createAdmission } from './server-admission.js';
import { createBearerAuth } from './server-auth.js';
import { createClientSessions } from './server-client-sessions.js';
import { createHostCheck } from './host-check.js';
import { createInbox } from './server-inbox.js';
import { createWebhookDelivery } from './server-delivery.js';
import { ServerLifecycle, createReporter } from './server-lifecycle.js';
import { addRequestRoutes } from './server-route.js';
import { checkWebhookServerOptions } from './server-options.js';
import type { FastifyPluginAsync } from 'fastify';
import type { AsyncMcpError, SessionRecord, Sessions } from '@asyncmcp/core';
import type { ListenOptions, ListeningAt } from './http-app.js';
import type { WebhookDelivery } from './server-delivery.js';
import type { Inbox } from './server-inbox.js';
import type { WebhookServerOptions } from './server-options.js';
import type { RequestRouteOptions } from './server-route.js';
import type { UndeliveredWebhook } from './webhook-sender.js';

/**
 * Serves MCP over webhooks: clients POST their messages here, and every reply is POSTed to the URL that the client gave when it
 * opened its session.
 */
export class WebhookServer {
  /** Told of every failure that you should know of. */
  onerror?: ((error: AsyncMcpError) => void) | undefined;
  /** Told of every message that could not be delivered, with the whole of it: keep it if you need it. */
  onundelivered?: ((failure: UndeliveredWebhook) => void) | undefined;
  /** The sessions live in this process. */
  readonly sessions: Sessions;
  readonly #lifecycle: ServerLifecycle;

  /** @throws AsyncMcpError `ERR_INVALID_OPTION` */
  constructor(options: WebhookServerOptions) {
    const checked = checkWebhookServerOptions(options);
    const { drainTimeoutMs, logger, sessionTtlMs, signal } = checked.host;
    const onerror = (error: AsyncMcpError): void => this.onerror?.(error);
    const report = createReporter({ name: 'WebhookServer', logger, onerror });
    const recordOf = (sessionId: string): Promise<SessionRecord | undefined> => host.record(sessionId);
    const delivery = createWebhookDelivery({
      ...options,
      ...checked,
      recordOf,
      onundelivered: (failure) => this.onundelivered?.(failure),
      onGone: (sessionId) => void endSession(host, sessionId, report),
      report,
      logger,
    });
    // Where others share the store, nobody knows how many sessions a client has.
    const clients = createClientSessions({ recordOf, ttlMs: sessionTtlMs, enabled: options.store === undefined });
    const host = new SessionHost({
      ...checked.host,
      replyPort: delivery.replyPort,
      onerror,
      answerAddress: checked.answerUrl,
      sessionOf: (sender) => clients.of(sender),
    });
    const inbox = createInbox({
      handle: (message) => host.receive(message),
      onGivenUp: (envelope) => void delivery.tellNotDone(envelope),
    });
    const checkHost = createHostCheck(options);
    const routes: Omit<RequestRouteOptions, 'isClosing'> = {
      ...checked,
      checkHost,
      inbox,
      admission: createAdmission({ maxInFlight: checked.maxCallsInFlight, maxPerSession: checked.maxCallsPerSession }),
      authenticate: options.auth === undefined ? undefined : createBearerAuth(options.auth, report),
      clients,
      serverId: randomUUID(),
      knows: (envelope) => host.knows(envelope),
    };
    this.sessions = host;
    this.#lifecycle = new ServerLifecycle({
      addRoutes: (app) => addRequestRoutes(app, { ...routes, isClosing: () => this.#lifecycle.isClosing }),
      begin: () => host.start(),
      finish: () => finish(inbox, host, delivery, drainTimeoutMs),
      signal,
      report,
    });
  }

  /**
   * The routes, for a fastify of your own: `await fastify.register(server.plugin, { prefix: '/x' })`. It serves from when your
   * fastify is ready, and is closed with it.
   */
  get plugin(): FastifyPluginAsync {
    return this.#lifecycle.plugin;
  }

  /**
   * Listens, with a fastify of its own.
   *
   * @throws AsyncMcpError `ERR_ALREADY_STARTED`, `ERR_CLOSED`, `ERR_INVALID_OPTION`, `ERR_UNAVAILABLE` when the port cannot be
   *   had; make a new server then
   */
  listen(options: ListenOptions): Promise<ListeningAt> {
    return this.#lifecycle.listen(options);
  }

  /**
   * Takes no more requests, lets running calls finish and their replies be delivered for up to `drainTimeoutMs` (the last
   * webhooks for two seconds at least), and frees everything. Calls that are not done by then are posted again by their clients,
   * to the next server; older peers, which do not, are answered with an error. Your own fastify stays open, and is told 503. Idempotent; never rejects.
   */
  close(): Promise<void> {
    return this.#lifecycle.close();
  }
}

async function finish(
  inbox: Inbox,
  host: SessionHost,
  delivery: WebhookDelivery,
  drainTimeoutMs: number,
): Promise<void> {
  const deadline = Date.now() + drainTimeoutMs;
  // First, so that what the host gives back is not tried again here.
  inbox.close();
  await host.close();
  await delivery.close(deadline - Date.now());
}

/** The client's endpoint said that it is gone for good. */
async function endSession(host: SessionHost, sessionId: string, report: (error: AsyncMcpError) => void): Promise<void> {
  try {
    await host.terminate(sessionId);
  } catch (error) {
    report(toAsyncMcpError(error, 'ERR_SESSION_STORE', `Session ${sessionId} could not be ended`));
  }
}
