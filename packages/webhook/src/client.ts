import { randomUUID } from 'node:crypto';
import {
  ClientTransport,
  clientIdOption,
  functionOption,
  integerOption,
  invalidOption,
  knownOptions,
  loggerOption,
  silentLogger,
} from '@asyncmcp/core';
import { createClientWire } from './client-wire.js';
import { tlsOption } from './tls-option.js';
import { WebhookReceiver } from './receiver.js';
import { httpUrlOption } from './server-options.js';
import type { Logger } from '@asyncmcp/core';
import type { TlsOptions } from './tls-option.js';

/** Headers for the server or what stands before it, or a function that makes them, e.g. with a token that expires. */
export type RequestHeaders =
  | Readonly<Record<string, string>>
  | (() => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>);

/** Options of {@link WebhookClientTransport}. */
export interface WebhookClientTransportOptions {
  /** Where the server takes messages, e.g. `https://mcp.example.com/mcp/request`. */
  readonly serverUrl: string;
  /** Where the server reaches `receiver`, e.g. `https://client.example.com/webhook/response`. */
  readonly webhookUrl: string;
  /** Takes the webhooks in; any number of transports may share one. */
  readonly receiver: WebhookReceiver;
  /** Names this client to servers, up to 128 characters. Default: a new UUID. */
  readonly clientId?: string | undefined;
  /** Headers on what is sent to the server, e.g. `{ authorization: 'Bearer …' }`. Default: none. */
  readonly headers?: RequestHeaders | undefined;
  /** For how long a message that the server does not take is sent again before `send()` rejects, in milliseconds. Default 60,000. */
  readonly retryForMs?: number | undefined;
  /** How long the server may take to accept a message, in milliseconds. Default 30,000. */
  readonly requestTimeoutMs?: number | undefined;
  /**
   * How long a request may be without an answer until it is posted again, under the same message id, in milliseconds: its server
   * may have been killed. One that works on it does nothing but say so. Sixteen at a time, where many are due. Default 20,000, a third of what the SDK waits for an answer by default; 0: never.
   */
  readonly resendAfterMs?: number | undefined;
  /** Which URLs a server may ask to be answered at; `headers` go there, too. Default: those of the origin of `serverUrl`. */
  readonly allowReplyTo?: ((url: string) => boolean) | undefined;
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
  'retryForMs',
  'requestTimeoutMs',
  'resendAfterMs',
  'allowReplyTo',
  'tls',
  'logger',
];

const DAY_MS = 24 * 60 * 60_000;

/** A drop-in transport for the SDK's `Client`: POSTs messages to a server, and takes the replies in by webhook. */
export class WebhookClientTransport extends ClientTransport {
  /** @throws AsyncMcpError `ERR_INVALID_OPTION` */
  constructor(options: WebhookClientTransportOptions) {
    knownOptions('WebhookClientTransport', options, OPTION_NAMES);
    const { receiver } = options;
    if (!(receiver instanceof WebhookReceiver)) throw invalidOption('receiver', receiver, 'a WebhookReceiver');
    const logger = loggerOption(options.logger, silentLogger);
    const clientId = clientIdOption(options.clientId) ?? randomUUID();
    const serverUrl = httpUrlOption('serverUrl', options.serverUrl);
    const wire = createClientWire({
      clientId,
      serverUrl,
      receiver,
      tls: tlsOption(options.tls),
      logger,
      webhookUrl: httpUrlOption('webhookUrl', options.webhookUrl).href,
      headers: requestHeadersOption(options.headers),
      retryForMs: milliseconds('retryForMs', options.retryForMs, 60_000),
      requestTimeoutMs: Math.max(1, milliseconds('requestTimeoutMs', options.requestTimeoutMs, 30_000)),
      resendAfterMs: milliseconds('resendAfterMs', options.resendAfterMs, 20_000),
      allowsAddress: functionOption(
        'allowReplyTo',
        options.allowReplyTo ?? ((url) => isOfOrigin(url, serverUrl.origin)),
      ),
      sessionId: () => this.sessionId,
    });
    super({ wire, logger, clientId });
  }
}

function milliseconds(name: string, value: unknown, fallback: number): number {
  return integerOption(name, value, { min: 0, max: DAY_MS, fallback, unit: 'milliseconds' });
}

function isOfOrigin(url: string, origin: string): boolean {
  return URL.canParse(url) && new URL(url).origin === origin;
}

/** The wire's own headers win over the user's; that is said here rather than found out. */
const OWN_HEADERS =
  /^(?:x-(?:client|session|request|message|related-request)-id|x-(?:method|protocol-version|reply-to|attempt|taken-by)|content-(?:type|length)|connection|expect|keep-alive|te|trailer|transfer-encoding|upgrade)$/i;

/** RFC 9110, 5.6.2. */
const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]+$/;

/** RFC 9110, 5.5: a token that was read from a file has a line break at its end, as often as not. */
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const VALUE_ALLOWED = 'a header whose value is text without line breaks and other control characters';

/**
 * Checks the option `headers` of a client transport: headers at once, what a function makes each time. Default: none, undefined.
 *
 * @param more - names in lower case that the transport's wire format has beside those of all
 * @throws AsyncMcpError `ERR_INVALID_OPTION`, and so rejects what is returned
 */
export function requestHeadersOption(
  value: RequestHeaders | undefined,
  more: readonly string[] = [],
): (() => Promise<Readonly<Record<string, string>>>) | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'function') return async () => checkHeaders(await value(), more);
  const headers = { ...checkHeaders(value, more) };
  return async () => headers;
}

function checkHeaders(
  headers: Readonly<Record<string, string>>,
  more: readonly string[],
): Readonly<Record<string, string>> {
  const allowed = 'an object of header names and their text, none of them a header of the wire format';
  if (typeof headers !== 'object' || headers === null) throw invalidOption('headers', headers, allowed);
  for (const [name, text] of Object.entries(headers)) {
    // The value is not shown: it is a secret as often as not.
    const isOwn = OWN_HEADERS.test(name) || more.includes(name.toLowerCase());
    if (isOwn || !HEADER_NAME.test(name)) throw invalidOption('headers', name, allowed);
    if (typeof text !== 'string' || !HEADER_VALUE.test(text)) throw invalidOption('headers', name, VALUE_ALLOWED);
  }
  return headers;
}
