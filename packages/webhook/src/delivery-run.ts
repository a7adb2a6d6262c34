import { backoffDelay, toAsyncMcpError } from '@asyncmcp/core';
import { post } from './delivery-attempt.js';
import { HttpRequest } from './http-exchange.js';
import { destinationGone, undelivered } from './delivery-errors.js';
import type { AsyncMcpError, TransientSet } from '@asyncmcp/core';
import type { Dispatcher } from 'undici';
import type { Pass } from './delivery-circuit.js';
import type { Endpoints } from './delivery-endpoints.js';
import type { Failure } from './delivery-errors.js';
import type { Outgoing } from './delivery-message.js';
import type { Endpoint, Target } from './delivery-endpoint.js';
import type { HttpExchange } from './http-exchange.js';
import type { UrlGuard } from './url-guard.js';

const BACKOFF = { baseMs: 200, maxMs: 60_000 };

/** What delivering needs, the same for all messages of a sender. */
export interface DeliveryTools {
  readonly guard: UrlGuard;
  readonly agent: Dispatcher;
  readonly endpoints: Endpoints;
  /** Exchanges that are not over: to be aborted when nothing is waited for any more. */
  readonly underWay: TransientSet<HttpExchange>;
  readonly now: () => number;
  readonly random: () => number;
  /** Told of each failed try that is followed by another. */
  readonly onRetry: (message: Outgoing, failure: Failure) => void;
}

/**
 * Tries to deliver a message until that succeeds, fails for good, or time is up. Resolves with the error if it failed. Never
 * rejects. Once the message is settled from outside it tries no more, and what it resolves with means nothing.
 */
export async function deliver(message: Outgoing, tools: DeliveryTools): Promise<AsyncMcpError | undefined> {
  const { endpoint } = message;
  try {
    const target = endpoint.target ?? (await endpoint.check(tools.guard));
    for (;;) {
      const pass = message.settled ? undefined : (endpoint.tryEnter() ?? (await enterLater(message, tools)));
      if (pass === undefined) return undelivered(message, message.lastFailure ?? endpoint.lastFailure);
      const failure = await attempt(message, target, pass, tools);
      if (failure === undefined) return undefined;
      message.lastFailure = failure;
      const delayMs = delayAfter(message, failure, tools);
      if (delayMs === undefined) return message.gone ? destinationGone(message) : undelivered(message, failure);
      tools.onRetry(message, failure);
      if (delayMs > 0) await message.pause(delayMs);
    }
  } catch (error) {
    return toAsyncMcpError(error, 'ERR_INTERNAL', 'The message could not be sent');
  }
}

/** Waits for leave to send. A message whose time went by while it waited its turn still gets its first try, but no other. */
async function enterLater(message: Outgoing, { now }: DeliveryTools): Promise<Pass | undefined> {
  const { endpoint } = message;
  const pass = await message.waitToEnter();
  if (pass === undefined) return undefined;
  if (!message.settled && (message.attempts === 0 || now() <= message.deadline)) return pass;
  giveBack(endpoint, pass);
  return undefined;
}

/** Tries once; what it resolves with is why that failed, if it did. */
async function attempt(
  message: Outgoing,
  target: Target,
  pass: Pass,
  tools: DeliveryTools,
): Promise<Failure | undefined> {
  const { endpoint } = message;
  const { endpoints } = tools;
  let request: HttpRequest;
  try {
    request = new HttpRequest('POST', target, message.headersAt(tools.now()), message.body);
  } catch (error) {
    giveBack(endpoint, pass);
    throw error;
  }
  let decided = false;
  let over = false;
  // What the try told is taken in before its place is free.
  const leaveIfDone = (): void => {
    if (!decided || !over) return;
    endpoint.leave();
    endpoints.release(endpoint);
  };
  const whenOver = (): void => {
    over = true;
    leaveIfDone();
  };
  // The place is taken for as long as the connection is, which may be longer than anybody is interested in the message.
  endpoints.hold(endpoint);
  message.attempts++;
  message.trying = true;
  const failure = await post(request, whenOver, tools);
  message.trying = false;
  if (failure === undefined) endpoint.report(pass, 'well', 0);
  else endpoint.report(pass, failure.health, failure.retryAfterMs);
  if (failure?.health === 'ill') endpoint.lastFailure = failure;
  decided = true;
  leaveIfDone();
  return failure;
}

/** How long to wait before the next try, in milliseconds; undefined if there is none. */
function delayAfter(message: Outgoing, failure: Failure, { now, random }: DeliveryTools): number | undefined {
  if (!failure.again || message.gone) return undefined;
  const { endpoint, attempts, deadline } = message;
  const { pausedUntil } = endpoint;
  // The endpoint's pause replaces a delay of one's own: when it is well again all go on, and until then only probes are sent.
  if (failure.health === 'ill' && pausedUntil !== undefined) return pausedUntil > deadline ? undefined : 0;
  const delayMs = Math.max(backoffDelay(attempts, { ...BACKOFF, random }), failure.retryAfterMs);
  return now() + delayMs > deadline ? undefined : delayMs;
}

/** Of leave to send that is not used. */
function giveBack(endpoint: Endpoint, pass: Pass): void {
  endpoint.report(pass, 'unknown', 0);
  endpoint.leave();
}
