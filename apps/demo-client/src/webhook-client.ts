import { WebhookClientTransport, WebhookReceiver } from '@asyncmcp/webhook';
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
}

/** What a scenario over webhooks needs, and where its webhooks come to. */
export interface WebhookClientSide extends ClientSide {
  readonly webhooks: WebhookEndpoint;
  /** What servers are told. */
  readonly webhookUrl: string;
}

const PATH = '/webhook/response';

/** Opens an endpoint for webhooks in this process, in which all that comes and goes is traced. */
export async function openWebhookClient(options: WebhookClientOptions, trace: Trace): Promise<WebhookClientSide> {
  const { serverUrl, host = '127.0.0.1', port = 0, clientId } = options;
  const receiver = new WebhookReceiver({ path: PATH });
  const endpoint = await startWebhookEndpoint({ plugin: receiver.plugin, path: PATH, host, port, trace });
  const endTrace = traceHttp(serverUrl, trace);
  const { webhookUrl = endpoint.url } = options;
  return {
    webhooks: endpoint,
    webhookUrl,
    createTransport: () => new WebhookClientTransport({ serverUrl, webhookUrl, receiver, clientId }),
    async close() {
      endTrace();
      await endpoint.close();
      await receiver.close();
    },
  };
}
