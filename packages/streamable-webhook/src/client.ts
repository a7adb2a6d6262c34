import { randomUUID } from 'node:crypto';
import {
  ClientTransport,
  clientIdOption,
  functionOption,
  integerOption,
  invalidOption,
  isRecord,
  knownOptions,
  loggerOption,
  objectOption,
  silentLogger,
} from '@asyncmcp/core';
import { WebhookReceiver } from '@asyncmcp/webhook';
import { StreamableHeader, httpUrlOption, requestHeadersOption, tlsOption } from '@asyncmcp/webhook/parts';
import { createStreamableWire } from './client-wire.js';
import type { OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js';
import type { StreamableHTTPReconnectionOptions } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Logger } from '@asyncmcp/core';
import type { RequestHeaders, TlsOptions } from '@asyncmcp/webhook';

import type { Fetch } from './client-exchange.js';
import type { StreamableWire } from './client-wire.js';

/** Options of {@link StreamableWebhookClientTransport}. */
export interface StreamableWebhookClientTransportOptions {
  /** Where the server is, e.g. `https://mcp.example.com/mcp`. */
  readonly serverUrl: string;
  /** Where the server reaches `receiver`, e.g. `https://client.example.com/webhook/response`. */
  readonly webhookUrl: string;
  /** Takes the webhooks in; any number of transports may share one. */
  readonly receiver: WebhookReceiver;
  /** Names this client to servers, up to 128 characters. Default: a new UUID. */
  readonly clientId?: string | undefined;
  /** Headers on what is sent to the server, e.g. `{ authorization: 'Bearer …' }`. Default: none. */
  readonly headers?: RequestHeaders | undefined;
  /** The SDK's own way to authorize by OAuth, as its `StreamableHTTPClientTransport` takes it. Default: none. */
  readonly authProvider?: OAuthClientProvider | undefined;
  /**
   * Sends all requests. With one of yours, a connection that breaks off before its answer is not noticed. Default: undici, by an agent of
   * the transport's own.
   */
  readonly fetch?: Fetch | undefined;
  /**
   * How the SDK's transport takes a broken stream up again, and when it gives that up. Default: the server is asked for it until
   * `close()`, after random delays of up to 1, 2, 4 … 30 seconds.
   */
  readonly reconnectionOptions?: StreamableHTTPReconnectionOptions | undefined;
  /** For how long a message that the server does not take is sent again before `send()` rejects, in milliseconds. Default 60,000. */
  readonly retryForMs?: number | undefined;
  /**
   * How long a call may be without its webhook until it is posted again, under the same message id, in milliseconds: its server may
   * have been killed. One that works on it does nothing but say so. Default 20,000, a third of what the SDK waits for an answer by
   * default; 0: never.
   */
  readonly resendAfterMs?: number | undefined;
  /** Own certificate authorities, and a certificate to show to the server. Default: those of Node, and none. */
  readonly tls?: TlsOptions | undefined;
  /** pino-compatible. Default: silent. */
  readonly logger?: Logger | undefined;
}

const OPTION_NAMES = [
  'serverUrl',
  'webhookUrl',
  'receiver',
  'clientId',
  'headers',
  'authProvider',
  'fetch',
  'reconnectionOptions',
  'retryForMs',
  'resendAfterMs',
  'tls',
  'logger',
];

/** Those of Streamable HTTP, beside the headers that all transports over HTTP have. */
const MCP_HEADERS = ['accept', 'last-event-id', ...Object.values(StreamableHeader)];

const DAY_MS = 24 * 60 * 60_000;

/**
 * A drop-in transport for the SDK's `Client`: the SDK's Streamable HTTP, and a webhook for the results of tools that take their time.
 * `callTool` simply resolves, whichever way the result comes.
 */
export class StreamableWebhookClientTransport extends ClientTransport {
  readonly #http: StreamableWire['http'];

  /** @throws AsyncMcpError `ERR_INVALID_OPTION` */
  constructor(options: StreamableWebhookClientTransportOptions) {
    knownOptions('StreamableWebhookClientTransport', options, OPTION_NAMES);
    const { receiver, authProvider, reconnectionOptions } = options;
    if (!(receiver instanceof WebhookReceiver)) throw invalidOption('receiver', receiver, 'a WebhookReceiver');
    const logger = loggerOption(options.logger, silentLogger);
    const clientId = clientIdOption(options.clientId) ?? randomUUID();
    const wire = createStreamableWire({
      clientId,
      receiver,
      logger,
      reconnectionOptions: reconnectionOption(reconnectionOptions),
      authProvider:
        authProvider === undefined
          ? undefined
          : objectOption('authProvider', authProvider, ['tokens', 'saveTokens', 'clientInformation']),
      tls: tlsOption(options.tls),
      serverUrl: httpUrlOption('serverUrl', options.serverUrl),
      webhookUrl: httpUrlOption('webhookUrl', options.webhookUrl).href,
      headers: requestHeadersOption(options.headers, MCP_HEADERS),
      fetch: options.fetch === undefined ? undefined : functionOption('fetch', options.fetch),
      retryForMs: milliseconds('retryForMs', options.retryForMs, 60_000),
      resendAfterMs: milliseconds('resendAfterMs', options.resendAfterMs, 20_000),
      sessionId: () => this.sessionId,
    });
    super({ wire, logger, clientId });
    this.#http = wire.http;
  }

  /**
   * Exchanges the code that the user came back with for a token, where there is an `authProvider`; then connect again.
   *
   * @throws UnauthorizedError of the SDK
   */
  finishAuth(authorizationCode: string): Promise<void> {
    return this.#http.finishAuth(authorizationCode);
  }

  /**
   * Takes a stream up again after an event, where the server keeps them.
   *
   * @throws StreamableHTTPError of the SDK
   */
  resumeStream(lastEventId: string, options?: { readonly onresumptiontoken?: (token: string) => void }): Promise<void> {
    return this.#http.resumeStream(lastEventId, options);
  }
}

function reconnectionOption(
  value: StreamableHTTPReconnectionOptions | undefined,
): StreamableHTTPReconnectionOptions | undefined {
  const names = ['initialReconnectionDelay', 'maxReconnectionDelay', 'reconnectionDelayGrowFactor', 'maxRetries'];
  const given: unknown = value;
  const isAllowed = (number: unknown): boolean => typeof number === 'number' && number >= 0;
  // Without one of them the SDK would try again without a pause.
  if (given === undefined || (isRecord(given) && names.every((name) => isAllowed(given[name])))) return value;
  throw invalidOption('reconnectionOptions', value, `an object with the numbers ${names.join(', ')}`);
}

function milliseconds(name: string, value: unknown, fallback: number): number {
  return integerOption(name, value, { min: 0, max: DAY_MS, fallback, unit: 'milliseconds' });
}
