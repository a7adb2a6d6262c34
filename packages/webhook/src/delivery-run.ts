import { backoffDelay, toAsyncMcpError } from '@asyncmcp/core';
import { attempt, giveBack } from './delivery-attempt.js';
import { destinationGone, undelivered } from './delivery-errors.js';
import type { AsyncMcpError } from '@asyncmcp/core';
import type { AttemptTools } from './delivery-attempt.js';
import type { Pass } from './delivery-circuit.js';
import type { Target } from './delivery-endpoint.js';
import type { Failure } from './delivery-errors.js';
import type { Outgoing } from './delivery-message.js';
import type { UrlGuard } from './url-guard.js';

const BACKOFF = { baseMs: 200, maxMs: 60_000 };

/** What delivering needs, the same for all messages of a sender. */
export interface DeliveryTools extends AttemptTools {
  readonly guard: UrlGuard;
  readonly random: () => number;
  /** Told of each failed try that is followed by another. */
  readonly onRetry: (message: Outgoing, failure: Failure) => void;
}

/**
 * Tries to deliver a message until that succeeds, fails for good, or time is up. Once the message is settled from outside it tries no
 * more, and what it tells means nothing.
 *
 * @param onEnd - called once, with the error if it failed
 */
export function deliver(
  message: Outgoing,
  tools: DeliveryTools,
  onEnd: (error: AsyncMcpError | undefined) => void,
): void {
  // Nearly all messages are delivered by the first try, at once: there is nothing to wait for but the answer.
  const { target } = message.endpoint;
  const pass = target === undefined ? undefined : message.endpoint.tryEnter();
  if (target === undefined || pass === undefined) return void deliverPatiently(message, tools).then(onEnd);
  try {
    attempt(message, target, pass, tools, (failure) => {
      if (failure === undefined) onEnd(undefined);
      else void deliverPatiently(message, tools, failure).then(onEnd);
    });
  } catch (error) {
    onEnd(notSent(error));
  }
}

/**
 * Waits for leave to send, and between tries. Resolves with the error if the message could not be delivered; never rejects.
 *
 * @param failed - why the first try failed, if it was made
 */
async function deliverPatiently(
  message: Outgoing,
  tools: DeliveryTools,
  failed?: Failure,
): Promise<AsyncMcpError | undefined> {
  const { endpoint } = message;
  try {
    const target = endpoint.target ?? (await endpoint.check(tools.guard));
    for (let failure = failed; ;) {
      if (failure !== undefined) {
        message.lastFailure = failure;
        const delayMs = delayAfter(message, failure, tools);
        if (message.settled) return undefined;
        if (delayMs === undefined) return message.gone ? destinationGone(message) : undelivered(message, failure);
        tools.onRetry(message, failure);
        if (delayMs > 0) await message.pause(delayMs);
      }
      const pass = message.settled ? undefined : (endpoint.tryEnter() ?? (await enterLater(message, tools)));
      if (pass === undefined) return undelivered(message, message.lastFailure ?? endpoint.lastFailure);
      failure = await attempted(message, target, pass, tools);
      if (failure === undefined) return undefined;
    }
  } catch (error) {
    return notSent(error);
  }
}

function notSent(error: unknown): AsyncMcpError {
  return toAsyncMcpError(error, 'ERR_INTERNAL', 'The message could not be sent');
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
function attempted(message: Outgoing, target: Target, pass: Pass, tools: DeliveryTools): Promise<Failure | undefined> {
  return new Promise((resolve) => {
    attempt(message, target, pass, tools, resolve);
  });
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
