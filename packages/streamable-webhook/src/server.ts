import { randomUUID } from 'node:crypto';
import { AsyncMcpError, JsonRpcErrorCode, SessionHost, errorResponse, toAsyncMcpError } from '@asyncmcp/core';
import {
  ServerLifecycle,
  createAdmission,
  createBearerAuth,
  createHostCheck,
  createInbox,
  createReceipts,
  createReporter,
  createWebhookDelivery,
} from '@asyncmcp/webhook/parts';
import { createOpenings } from './openings.js';
import { Via, createRoutingReplyPort } from './reply-port.js';
import { checkStreamableWebhookServerOptions } from './server-options.js';
import { createPostHandler } from './server-post.js';
import { addStreamableRoutes } from './server-route.js';
import { createStreamHandler, createTerminationHandler } from './server-streams.js';
import { SessionChannels } from './session-channels.js';
import { createStatelessPosts } from './stateless-post.js';
import { createWebhookToolChoice } from './webhook-tools.js';
import { encodeStreamableHeaders } from './wire.js';
import type { FastifyPluginAsync } from 'fastify';
import type { InboundEnvelope, SessionRecord, Sessions } from '@asyncmcp/core';
import type { ListenOptions, ListeningAt, UndeliveredWebhook } from '@asyncmcp/webhook';
import type { Inbox, WebhookDelivery } from '@asyncmcp/webhook/parts';
import type { CheckedStreamableWebhookServerOptions, StreamableWebhookServerOptions } from './server-options.js';
import type { StreamableRouteOptions } from './server-route.js';

type Report = (error: AsyncMcpError) => void;

/** What serves requests, and how it begins and ends. */
interface Serving {
  readonly sessions: Sessions;
  readonly handlers: StreamableRouteOptions['handlers'];
  begin(): void;
  finish(): Promise<void>;
}

/**
 * Serves MCP over Streamable HTTP to any client, and delivers the results of chosen tools by webhook to those that have given one: they
 * hold no connection while the tool runs.
 */
export class StreamableWebhookServer {
  /** Told of every failure that you should know of. */
  onerror?: ((error: AsyncMcpError) => void) | undefined;
  /** Told of every webhook that could not be delivered, with the whole message: keep it if you need it. */
  onundelivered?: ((failure: UndeliveredWebhook) => void) | undefined;
  /** The sessions live in this process; a stateless server has none. */
  readonly sessions: Sessions;
  readonly #lifecycle: ServerLifecycle;

  /** @throws AsyncMcpError `ERR_INVALID_OPTION` */
  constructor(options: StreamableWebhookServerOptions) {
    const checked = checkStreamableWebhookServerOptions(options);
    const { logger, signal } = checked.host;
    const onerror = (error: AsyncMcpError): void => this.onerror?.(error);
    const report = createReporter({ name: 'StreamableWebhookServer', logger, onerror });
    const onundelivered = (failure: UndeliveredWebhook): void => this.onundelivered?.(failure);
    const serving = checked.stateless
      ? serveRequests(checked, report)
      : serveSessions(options, checked, { onerror, report, onundelivered });
    const checkHost = createHostCheck(options);
    const authenticate = options.auth === undefined ? undefined : createBearerAuth(options.auth, report);
    this.sessions = serving.sessions;
    this.#lifecycle = new ServerLifecycle({
      addRoutes: (app) => {
        const isClosing = (): boolean => this.#lifecycle.isClosing;
        addStreamableRoutes(app, { ...checked, checkHost, authenticate, handlers: serving.handlers, isClosing });
      },
      begin: () => serving.begin(),
      finish: () => serving.finish(),
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
   * Takes no more requests, lets running calls finish and their results go out for up to `drainTimeoutMs` (the last webhooks for two
   * seconds at least), and frees everything. Who waits on a connection for what is not done by then gets an error; calls of webhook
   * tools are posted again by this project's clients, to the next server. Your own fastify stays open, and is told 503. Idempotent;
   * never rejects.
   */
  close(): Promise<void> {
    return this.#lifecycle.close();
  }
}

function serveRequests(checked: CheckedStreamableWebhookServerOptions, report: Report): Serving {
  const { createServer, drainTimeoutMs } = checked.host;
  const admission = createAdmission({ maxInFlight: checked.maxCallsInFlight, maxPerSession: checked.maxCallsInFlight });
  const posts = createStatelessPosts({ ...checked, createServer, drainTimeoutMs, admission, report });
  return {
    sessions: { list: () => [], terminate: async () => false },
    handlers: { POST: (request, reply, sender) => posts.handle(request, reply, sender) },
    begin: () => {},
    finish: () => posts.close(),
  };
}

interface Told {
  readonly onerror: Report;
  readonly report: Report;
  readonly onundelivered: (failure: UndeliveredWebhook) => void;
}

function serveSessions(
  options: StreamableWebhookServerOptions,
  checked: CheckedStreamableWebhookServerOptions,
  { onerror, report, onundelivered }: Told,
): Serving {
  const { logger, drainTimeoutMs } = checked.host;
  const recordOf = (sessionId: string): Promise<SessionRecord | undefined> => host.record(sessionId);
  const channels = new SessionChannels({ ...checked, logger, report });
  const delivery = createWebhookDelivery({
    ...options,
    ...checked,
    recordOf,
    onundelivered,
    onGone: (sessionId) => void endSession(host, sessionId, report),
    encodeHeaders: encodeStreamableHeaders,
    report,
    logger,
  });
  const choice = createWebhookToolChoice({
    webhookTools: checked.webhookTools,
    ask: (...question) => host.ask(...question),
    logger,
  });
  const openings = createOpenings(() => inbox);
  const replyPort = createRoutingReplyPort({
    webhooks: delivery.replyPort,
    channels,
    openings: (sessionId) => openings.of(sessionId),
    onToolsChanged: (sessionId) => choice.forget(sessionId),
    logger,
  });
  const host = new SessionHost({
    ...checked.host,
    replyPort,
    onerror,
    onFreed(sessionId) {
      choice.forget(sessionId);
      channels.free(sessionId);
    },
    isListening: (sessionId) => channels.get(sessionId)?.isListening ?? false,
  });
  const inbox = createInbox({
    handle: (message) => host.receive(message),
    onGivenUp: (envelope) => void tellNotDone(envelope, delivery, channels),
  });
  const admission = createAdmission({
    maxInFlight: checked.maxCallsInFlight,
    maxPerSession: checked.maxCallsPerSession,
  });
  const serverId = randomUUID();
  const { jsonResponse } = checked;
  return {
    sessions: host,
    handlers: {
      POST: createPostHandler({
        host,
        inbox,
        admission,
        channels,
        openings,
        choice,
        replyPort,
        jsonResponse,
        serverId,
        sendReceipt: createReceipts(serverId),
        report,
      }),
      GET: createStreamHandler({ host, channels, report }),
      DELETE: createTerminationHandler({ inbox, admission }),
    },
    begin: () => host.start(),
    finish: () => finish({ inbox, host, delivery, channels, drainTimeoutMs }),
  };
}

interface Parts {
  readonly inbox: Inbox;
  readonly host: SessionHost;
  readonly delivery: WebhookDelivery;
  readonly channels: SessionChannels;
  readonly drainTimeoutMs: number;
}

async function finish({ inbox, host, delivery, channels, drainTimeoutMs }: Parts): Promise<void> {
  const deadline = Date.now() + drainTimeoutMs;
  // First, so that what the host gives back is not tried again here.
  inbox.close();
  await host.close();
  await delivery.close(deadline - Date.now());
  await channels.closeAll();
}

/** A call that is neither done nor can be tried again here. Who waits on a connection for it hears so there. */
async function tellNotDone(
  envelope: InboundEnvelope,
  delivery: WebhookDelivery,
  channels: SessionChannels,
): Promise<void> {
  const { via, requestIdHint: id, sessionId } = envelope;
  if (via === Via.webhook) return delivery.tellNotDone(envelope);
  if (via !== undefined || id === undefined || sessionId === undefined) return;
  const error = new AsyncMcpError('ERR_CLOSED', 'The server shut down before the call was done; call again.');
  try {
    await channels.get(sessionId)?.send(errorResponse(id, JsonRpcErrorCode.internalError, error));
  } catch {
    // The connection is gone: nobody waits.
  }
}

/** The client's endpoint said that it is gone for good. */
async function endSession(host: SessionHost, sessionId: string, report: Report): Promise<void> {
  try {
    await host.terminate(sessionId);
  } catch (error) {
    report(toAsyncMcpError(error, 'ERR_SESSION_STORE', `Session ${sessionId} could not be ended`));
  }
}
