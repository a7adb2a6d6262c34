import { randomUUID } from 'node:crypto';
import { StreamableWebhookClientTransport } from '@asyncmcp/streamable-webhook';
import { WebhookClientTransport, WebhookReceiver } from '@asyncmcp/webhook';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { traceFetch } from './trace-fetch.js';
import { traceHttp } from './trace-http.js';
import { startWebhookEndpoint } from './webhook-endpoint.js';
import type { ClientSide } from './client-side.js';
import type { Trace } from './trace.js';
import type { WebhookEndpoint } from './webhook-endpoint.js';

export interface WebhookClientOptions {
  /** Where the server takes messages. */
  readonly serverUrl: string;
  /** Where the server reaches the endpoint, if not where it listens. */
  readonly webhookUrl?: string | undefined;
  /** The address that the endpoint listens on. Default `127.0.0.1`. */
  readonly host?: string | undefined;
  /** Its port. Default: any free one. */
  readonly port?: number | undefined;
  readonly clientId?: string | undefined;
  /** For how long a message is sent again that the server does not take, in milliseconds. Default: the transport's. */
  readonly retryForMs?: number | undefined;
}

/** What a scenario with webhooks needs, and where its webhooks come to. */
export interface WebhookClientSide extends ClientSide {
  readonly webhooks: WebhookEndpoint;
  /** What servers are told. */
  readonly webhookUrl: string;
}

const PATH = '/webhook/response';

/** Opens an endpoint for webhooks in this process, in which all that comes and goes is traced. */
export async function openWebhookClient(options: WebhookClientOptions, trace: Trace): Promise<WebhookClientSide> {
  const { receiver, ...side } = await openEndpoint(options, trace);
  const { serverUrl, clientId, retryForMs } = options;
  const { webhookUrl } = side;
  return {
    ...side,
    transport: 'webhook',
    requests: `posted to ${serverUrl}`,
    replies: `by webhook to ${webhookUrl}`,
    createTransport: () => new WebhookClientTransport({ serverUrl, webhookUrl, receiver, clientId, retryForMs }),
  };
}

/** The same over Streamable HTTP, beside which there are clients that know nothing of webhooks. */
export async function openStreamableWebhookClient(
  options: WebhookClientOptions,
  trace: Trace,
): Promise<WebhookClientSide> {
  const { receiver, ...side } = await openEndpoint(options, trace);
  const { serverUrl, clientId = randomUUID(), retryForMs } = options;
  const { webhookUrl } = side;
  return {
    ...side,
    transport: 'streamable-webhook',
    requests: `posted to ${serverUrl}`,
    replies: `over the connection; those of marked tools by webhook to ${webhookUrl}`,
    createTransport: () =>
      new StreamableWebhookClientTransport({ serverUrl, webhookUrl, receiver, clientId, retryForMs }),
    createStockTransport: (sessionId) =>
      new StreamableHTTPClientTransport(new URL(serverUrl), {
        fetch: traceFetch(trace, 'stock'),
        // To anybody but the client that has opened it, a session does not exist.
        ...(sessionId !== undefined && { sessionId, requestInit: { headers: { 'x-client-id': clientId } } }),
      }),
  };
}

type OpenEndpoint = Pick<WebhookClientSide, 'webhooks' | 'webhookUrl' | 'close'> & {
  readonly receiver: WebhookReceiver;
};

async function openEndpoint(options: WebhookClientOptions, trace: Trace): Promise<OpenEndpoint> {
  const { serverUrl, host = '127.0.0.1', port = 0 } = options;
  const receiver = new WebhookReceiver({ path: PATH });
  const endpoint = await startWebhookEndpoint({ plugin: receiver.plugin, path: PATH, host, port, trace });
  const endTrace = traceHttp(serverUrl, trace);
  return {
    receiver,
    webhooks: endpoint,
    webhookUrl: options.webhookUrl ?? endpoint.url,
    async close() {
      endTrace();
      await endpoint.close();
      await receiver.close();
    },
  };
}
