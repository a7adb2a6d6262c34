import { StreamableWebhookServer, webhookTool } from '@asyncmcp/streamable-webhook';
import { openSession } from './open-session.js';
import { withoutSecrets } from './replies.js';
import { allowWebhooksTo, reportUndelivered } from './serve-webhook.js';
import type { ConsoleLog } from './console-log.js';
import type { ServeWebhookOptions } from './serve-webhook.js';
import type { Serving } from './serving.js';

const PATH = '/mcp';

/** Serves over Streamable HTTP: the tools that take their time answer by webhook, to clients that have given one. */
export async function serveStreamableWebhook(
  { host, port, concurrency, store, safeFetch, allowWebhookHosts }: ServeWebhookOptions,
  log: ConsoleLog,
): Promise<Serving> {
  const server = new StreamableWebhookServer({
    path: PATH,
    createServer: (session) =>
      openSession(session, {
        log,
        transport: 'streamable-webhook',
        safeFetch,
        replyTo: shown(session.replyTo),
        markSlow: webhookTool,
      }),
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

/** A client without a webhook has no address. */
function shown(replyTo: string): string {
  return URL.canParse(replyTo) ? `its connection; those of slow tools to ${withoutSecrets(replyTo)}` : 'its connection';
}
