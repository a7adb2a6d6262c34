import { SERVER_OPTION_NAMES, checkServerOptions, integerOption, invalidOption, knownOptions } from '@asyncmcp/core';
import { pathOption } from './http-app.js';
import { tlsOption } from './tls-option.js';
import { createUrlGuard } from './url-guard.js';
import { parseWebhookUrl } from './webhook-url.js';
import type { CheckedServerOptions, ServerOptions } from '@asyncmcp/core';
import type { BearerAuthOptions } from './server-auth.js';
import type { GuardedAgentOptions } from './guarded-agent.js';
import type { HostCheckOptions } from './host-check.js';
import type { UrlGuardOptions } from './url-guard.js';

/** Options that servers share which speak HTTP and send webhooks, with one meaning and one default. */
export interface WebhookSendingServerOptions extends ServerOptions, UrlGuardOptions, HostCheckOptions {
  /** Where a load balancer asks whether the server takes requests: 200, or 503 while it closes. Default `/health`; false: nowhere. */
  readonly healthPath?: string | false | undefined;
  /** Longest message taken, in bytes. Default 1,048,576 (1 MiB). */
  readonly maxMessageBytes?: number | undefined;
  /** Most calls that run or wait for their turn; more are told 503. Default 1,000. */
  readonly maxCallsInFlight?: number | undefined;
  /**
   * Most calls of one session that run or wait for their turn; of those whose reply is not delivered yet it may have four times as
   * many. More are told 429. Default 80: fewer than `concurrency`,
   * so that one session cannot keep all others from running.
   */
  readonly maxCallsPerSession?: number | undefined;
  /** For how long an undelivered webhook is tried again, in milliseconds; then `onundelivered` is told. Default 15 minutes. */
  readonly deliverForMs?: number | undefined;
  /** How long a webhook endpoint may take to answer one try, in milliseconds. Default 30,000. */
  readonly deliveryTimeoutMs?: number | undefined;
  /**
   * Most messages of one session that wait to be delivered; sending more waits until there is room. (Sending anything waits until the
   * endpoint has taken it.) Default 100.
   */
  readonly maxQueuedPerSession?: number | undefined;
  /** Own certificate authorities, and a certificate to show to webhook endpoints. Default: those of Node, and none. */
  readonly tls?: GuardedAgentOptions['tls'];
  /** Bearer tokens that every request must have. Default: none; whoever reaches the server may use it. */
  readonly auth?: BearerAuthOptions | undefined;
}

/** Options of `WebhookServer`. */
export interface WebhookServerOptions extends WebhookSendingServerOptions {
  /** Where clients POST, below the prefix of the plugin if it has one. Default `/mcp/request`. */
  readonly path?: string | undefined;
  /**
   * The URL of `path` on this very process. With several processes behind one address, the answers to what a server asks its
   * client (sampling, elicitation) then come to the process that asked. Default: clients answer where they send everything, and
   * what reaches the wrong process is handed on.
   */
  readonly answerUrl?: string | undefined;
}

/** What the shared options come to, those apart that their own modules check. */
export interface CheckedWebhookSendingServerOptions {
  /** Those that all servers share. */
  readonly host: CheckedServerOptions;
  /** Where messages are posted. */
  readonly path: string;
  /** Where the health route is; undefined: nowhere. */
  readonly healthPath: string | undefined;
  /** Longest body of a POST, in bytes. */
  readonly maxMessageBytes: number;
  /** Most calls that run or wait for their turn. */
  readonly maxCallsInFlight: number;
  /** The same of one session. */
  readonly maxCallsPerSession: number;
  /** For how long a webhook is tried, in milliseconds. */
  readonly deliverForMs: number;
  /** How long an endpoint may take to answer one try, in milliseconds. */
  readonly deliveryTimeoutMs: number;
  /** Most webhooks of one session in the works. */
  readonly maxQueuedPerSession: number;
}

export interface CheckedWebhookServerOptions extends CheckedWebhookSendingServerOptions {
  readonly answerUrl: string | undefined;
}

/** The names of {@link WebhookSendingServerOptions} and `path`, for the check against misspelt options. */
export const SENDING_SERVER_OPTION_NAMES: readonly string[] = [
  ...SERVER_OPTION_NAMES,
  'allowWebhookUrl',
  'allowedPorts',
  'lookup',
  'path',
  'healthPath',
  'maxMessageBytes',
  'maxCallsInFlight',
  'maxCallsPerSession',
  'deliverForMs',
  'deliveryTimeoutMs',
  'maxQueuedPerSession',
  'tls',
  'auth',
  'allowedHosts',
  'allowedOrigins',
];

const DAY_MS = 24 * 60 * 60_000;

/** @throws AsyncMcpError `ERR_INVALID_OPTION` */
export function checkWebhookServerOptions(options: WebhookServerOptions): CheckedWebhookServerOptions {
  knownOptions('WebhookServer', options, [...SENDING_SERVER_OPTION_NAMES, 'answerUrl']);
  const answerUrl = options.answerUrl === undefined ? undefined : httpUrlOption('answerUrl', options.answerUrl).href;
  return { ...checkSendingServerOptions(options, '/mcp/request'), answerUrl };
}

/**
 * Checks the options that servers share which speak HTTP and send webhooks, and fills in the defaults.
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION`
 */
export function checkSendingServerOptions(
  options: WebhookSendingServerOptions & { readonly path?: string | undefined },
  defaultPath: string,
): CheckedWebhookSendingServerOptions {
  const host = checkServerOptions(options);
  // Used later, and not by every server: a wrong one is said now.
  const { allowWebhookUrl, allowedPorts, lookup, tls } = options;
  createUrlGuard({ allowWebhookUrl, allowedPorts, lookup });
  tlsOption(tls);
  const path = pathOption('path', options.path, defaultPath);
  const healthPath = options.healthPath === false ? undefined : pathOption('healthPath', options.healthPath, '/health');
  if (healthPath === path) throw invalidOption('healthPath', healthPath, 'another path than "path"');
  return {
    host,
    path,
    healthPath,
    maxMessageBytes: maxMessageBytesOption(options.maxMessageBytes),
    maxCallsInFlight: count('maxCallsInFlight', options.maxCallsInFlight, 1000),
    maxCallsPerSession: count('maxCallsPerSession', options.maxCallsPerSession, 80),
    maxQueuedPerSession: count('maxQueuedPerSession', options.maxQueuedPerSession, 100),
    deliverForMs: integerOption('deliverForMs', options.deliverForMs, {
      min: 0,
      max: 3 * DAY_MS,
      fallback: 15 * 60_000,
      unit: 'milliseconds',
    }),
    deliveryTimeoutMs: integerOption('deliveryTimeoutMs', options.deliveryTimeoutMs, {
      min: 1,
      max: 600_000,
      fallback: 30_000,
      unit: 'milliseconds',
    }),
  };
}

/**
 * Checks the option `maxMessageBytes`, 1 KiB to 256 MiB. Default: 1 MiB.
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION`
 */
export function maxMessageBytesOption(value: unknown): number {
  const bytes = { min: 1024, max: 268_435_456, fallback: 1_048_576, unit: 'bytes' };
  return integerOption('maxMessageBytes', value, bytes);
}

/**
 * Checks an option that is a URL of our own side: any http or https one, loopback included.
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION`
 */
export function httpUrlOption(name: string, value: unknown): URL {
  try {
    if (typeof value === 'string') return parseWebhookUrl(value);
  } catch {
    // Said below, with the option's name.
  }
  throw invalidOption(
    name,
    typeof value === 'string' ? 'no such URL' : value,
    'an http or https URL without credentials',
  );
}

function count(name: string, value: unknown, fallback: number): number {
  return integerOption(name, value, { min: 1, max: 1_000_000, fallback });
}
