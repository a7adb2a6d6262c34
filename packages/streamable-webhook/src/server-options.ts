import {
  booleanOption,
  functionOption,
  integerOption,
  invalidOption,
  knownOptions,
  objectOption,
} from '@asyncmcp/core';
import { SENDING_SERVER_OPTION_NAMES, checkSendingServerOptions } from '@asyncmcp/webhook/parts';
import type { CheckedWebhookSendingServerOptions, WebhookSendingServerOptions } from '@asyncmcp/webhook/parts';
import type { EventStore } from './event-store.js';
import type { WebhookTools } from './webhook-tools.js';

/** Options of `StreamableWebhookServer`. */
export interface StreamableWebhookServerOptions extends WebhookSendingServerOptions {
  /** Where clients connect, below the prefix of the plugin if it has one. Default `/mcp`. */
  readonly path?: string | undefined;
  /**
   * The tools whose results are delivered by webhook, to sessions that have given one: their names, beside the tools that `webhookTool` has
   * marked; or a function that decides for each call alone. Default: those that are marked.
   */
  readonly webhookTools?: WebhookTools | undefined;
  /** Answers requests with JSON instead of a stream; progress and whatever else belongs to a request is not sent then. Default false. */
  readonly jsonResponse?: boolean | undefined;
  /**
   * Serves each request by itself: no sessions, no webhooks, nothing the server says by itself. `createServer` is called for every
   * request. Default false.
   */
  readonly stateless?: boolean | undefined;
  /** Keeps the events of streams, so that a client whose connection broke can go on where it was. Default: none; what is lost is lost. */
  readonly eventStore?: EventStore | undefined;
  /** How soon clients should come back after a stream was closed, in milliseconds; sent where there is an `eventStore`. Default: theirs. */
  readonly retryIntervalMs?: number | undefined;
  /** How often something is sent over a silent stream, so that nobody on the way takes it for dead, in milliseconds; 0: never. Default 15,000. */
  readonly keepAliveMs?: number | undefined;
}

export interface CheckedStreamableWebhookServerOptions extends CheckedWebhookSendingServerOptions {
  readonly webhookTools: WebhookTools;
  readonly jsonResponse: boolean;
  readonly stateless: boolean;
  readonly eventStore: EventStore | undefined;
  readonly retryIntervalMs: number | undefined;
  readonly keepAliveMs: number;
}

const OWN_OPTION_NAMES = ['webhookTools', 'jsonResponse', 'stateless', 'eventStore', 'retryIntervalMs', 'keepAliveMs'];

const HOUR_MS = 60 * 60_000;

/** @throws AsyncMcpError `ERR_INVALID_OPTION` */
export function checkStreamableWebhookServerOptions(
  options: StreamableWebhookServerOptions,
): CheckedStreamableWebhookServerOptions {
  knownOptions('StreamableWebhookServer', options, [...SENDING_SERVER_OPTION_NAMES, ...OWN_OPTION_NAMES]);
  const { eventStore, retryIntervalMs } = options;
  const milliseconds = { min: 0, max: HOUR_MS, unit: 'milliseconds' };
  const checked = {
    ...checkSendingServerOptions(options, '/mcp'),
    webhookTools: webhookToolsOption(options.webhookTools),
    jsonResponse: booleanOption('jsonResponse', options.jsonResponse, false),
    stateless: booleanOption('stateless', options.stateless, false),
    eventStore:
      eventStore === undefined
        ? undefined
        : objectOption('eventStore', eventStore, ['storeEvent', 'replayEventsAfter']),
    retryIntervalMs:
      retryIntervalMs === undefined
        ? undefined
        : integerOption('retryIntervalMs', retryIntervalMs, { ...milliseconds, fallback: 0 }),
    keepAliveMs: integerOption('keepAliveMs', options.keepAliveMs, { ...milliseconds, fallback: 15_000 }),
  };
  for (const name of ['webhookTools', 'eventStore', 'store', 'callStore'] as const) {
    const given = options[name] !== undefined;
    if (checked.stateless && given)
      throw invalidOption(name, 'given', 'left out of a stateless server: it has no sessions');
  }
  return checked;
}

function webhookToolsOption(value: WebhookTools | undefined): WebhookTools {
  if (value === undefined) return [];
  if (typeof value === 'function') return functionOption('webhookTools', value);
  const names: readonly unknown[] | undefined = Array.isArray(value) ? value : undefined;
  if (names?.every((name) => typeof name === 'string') === true) return value.slice();
  throw invalidOption('webhookTools', value, 'an array of tool names, or a function (name, args, session) => boolean');
}
