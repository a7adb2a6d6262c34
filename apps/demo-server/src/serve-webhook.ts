import { WebhookServer } from '@asyncmcp/webhook';
import { openSession, subjectOf } from './open-session.js';
import { withoutSecrets } from './replies.js';
import type { SessionStore } from '@asyncmcp/core';
import type { UndeliveredWebhook, WebhookUrlInfo } from '@asyncmcp/webhook';
import type { ConsoleLog } from './console-log.js';
import type { SafeFetch } from './safe-fetch.js';
import type { Serving } from './serving.js';

export interface ServeWebhookOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly concurrency: number;
  /** Default: in memory. */
  readonly store?: SessionStore | undefined;
  readonly safeFetch: SafeFetch;
  /** Hosts that are not public, and that webhooks may be at. */
  readonly allowWebhookHosts: readonly string[];
}

const PATH = '/mcp/request';

/** Serves over HTTP: requests are posted here, replies to the clients' webhooks. */
export async function serveWebhook(
  { host, port, concurrency, store, safeFetch, allowWebhookHosts }: ServeWebhookOptions,
  log: ConsoleLog,
): Promise<Serving> {
  const server = new WebhookServer({
    path: PATH,
    createServer: (session) =>
      openSession(session, { log, transport: 'webhook', safeFetch, replyTo: withoutSecrets(session.replyTo) }),
    concurrency,
    store,
    logger: log.logger,
    allowWebhookUrl: allowWebhooksTo(allowWebhookHosts),
  });
  server.onerror = (error) => log.error(error);
  server.onundelivered = (failure) => reportUndelivered(failure, log);
  const { url } = await server.listen({ host, port });
  return { where: `at ${url}${PATH}`, sessions: server.sessions, close: () => server.close() };
}

type AllowWebhookUrl = (url: URL, info: WebhookUrlInfo) => boolean;

/** Lets webhooks go to hosts that whoever runs the server has named, whatever they resolve to, and to this machine. */
export function allowWebhooksTo(hosts: readonly string[]): AllowWebhookUrl {
  return (url, info) => hosts.includes(url.hostname) || allowLoopback(url, info);
}

/**
 * Lets webhooks go to this machine, which is where the demo's client listens. A server on the internet must not: whoever opens a
 * session would have it post to what only this machine can reach.
 */
function allowLoopback({ hostname }: URL, { reason, range }: WebhookUrlInfo): boolean {
  const named = hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d+){3}$/.test(hostname);
  // A name is one thing, and what it resolves to another.
  return named && (reason !== 'address' || range === 'loopback');
}

/** A real server would keep the envelope. */
export function reportUndelivered({ url, envelope, error, attempts }: UndeliveredWebhook, log: ConsoleLog): void {
  const subject = subjectOf(envelope.sessionId ?? 'webhook');
  log.event(subject, `not delivered to ${withoutSecrets(url)} (tries: ${attempts}): ${error.code}`);
}
