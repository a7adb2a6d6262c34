import { AsyncMcpError, isAsyncMcpError } from '@asyncmcp/core';
import { shownUrl } from './webhook-url.js';
import type { Health } from './delivery-circuit.js';

/** Why one try failed. */
export interface Failure {
  /** Whether another try may help. */
  readonly again: boolean;
  readonly health: Health;
  /** How long the endpoint asked to be left alone, in milliseconds. */
  readonly retryAfterMs: number;
  /** What the endpoint answered, if it did. */
  readonly status?: number;
  /** The error, if it did not. */
  readonly cause?: unknown;
  /** With 413, the endpoint's limit, if it told. */
  readonly limitBytes?: number | undefined;
}

/** What errors say of a message. */
export interface Subject {
  readonly url: string;
  readonly body: string;
  readonly attempts: number;
}

/** Causes looked at one under the other: a circle has no end. */
const MAX_CAUSES = 8;

/** undici's codes for an agent that was closed under the sender. */
const AGENT_CLOSED: readonly string[] = ['UND_ERR_CLOSED', 'UND_ERR_DESTROYED'];

/** Errors that say that a request can never be sent. */
const NEVER: readonly string[] = [...AGENT_CLOSED, 'UND_ERR_INVALID_ARG'];

/** What to make of an error that came in place of an answer. */
export function failureOfError(cause: unknown): Failure {
  const never = refusalIn(cause) !== undefined || NEVER.includes(codeOf(cause) ?? '');
  return { again: !never, health: never ? 'unknown' : 'ill', retryAfterMs: 0, cause };
}

/** A URL that may be malformed, as it may stand in a message. */
export function shownText(url: string): string {
  return URL.canParse(url) ? shownUrl(new URL(url)) : 'that is malformed';
}

/** The guard's refusal, if `error` is one or was caused by one: undici wraps what connecting failed with. */
export function refusalIn(error: unknown): AsyncMcpError | undefined {
  let candidate = error;
  for (let depth = 0; depth < MAX_CAUSES && candidate !== undefined; depth++) {
    if (isAsyncMcpError(candidate, 'ERR_REPLY_ADDRESS_REFUSED')) return candidate;
    candidate =
      typeof candidate === 'object' && candidate !== null && 'cause' in candidate ? candidate.cause : undefined;
  }
  return undefined;
}

/** The error of a message whose last try failed with `failure`; of one that never got to a try, with undefined. */
export function undelivered(subject: Subject, failure: Failure | undefined): AsyncMcpError {
  const refusal = refusalIn(failure?.cause);
  if (refusal !== undefined) return refusal;
  if (failure?.status === 410) return destinationGone(subject);
  if (failure?.status === 413) return tooLarge(subject, failure.limitBytes);
  if (AGENT_CLOSED.includes(codeOf(failure?.cause) ?? '')) return senderClosed(subject.url, failure?.cause);
  return deliveryFailed(subject, failure);
}

export function destinationGone({ url, attempts }: Subject): AsyncMcpError {
  const shown = shownText(url);
  const text = `The webhook URL ${shown} is gone: it answered 410, and nothing more is sent to it for this session.`;
  return new AsyncMcpError('ERR_DESTINATION_GONE', text, { details: { url: shown, status: 410, attempts } });
}

/** Of a message that was not sent because the sender is closed, or closes. */
export function senderClosed(url: string, cause?: unknown): AsyncMcpError {
  const text = `The message for the webhook URL ${shownText(url)} was not delivered: its sender was closed.`;
  return new AsyncMcpError('ERR_CLOSED', text, { cause });
}

function tooLarge({ url, body }: Subject, limitBytes: number | undefined): AsyncMcpError {
  const bytes = Buffer.byteLength(body);
  const limit = limitBytes === undefined ? 'fewer, without saying how many' : `at most ${limitBytes} bytes`;
  const text = `The message is ${bytes} bytes; the webhook URL ${shownText(url)} takes ${limit}.`;
  return new AsyncMcpError('ERR_MESSAGE_TOO_LARGE', text, {
    details: { bytes, ...(limitBytes !== undefined && { limitBytes }) },
  });
}

function deliveryFailed({ url, attempts }: Subject, failure: Failure | undefined): AsyncMcpError {
  const shown = shownText(url);
  const { status, cause, again = true } = failure ?? {};
  const reason = status === undefined ? reasonOf(cause) : `it answered ${status}`;
  const tries = attempts === 1 ? '1 try' : `${attempts} tries`;
  const advice = again
    ? 'Check that the endpoint is up and can be reached from here.'
    : 'Trying again would not help; check the endpoint.';
  return new AsyncMcpError(
    'ERR_DELIVERY_FAILED',
    `The message was not delivered to the webhook URL ${shown}: ${reason} (${tries}). ${advice}`,
    { cause, details: { url: shown, ...(status !== undefined && { status }), attempts } },
  );
}

/** Codes rather than messages: these may show addresses. */
function reasonOf(cause: unknown): string {
  if (cause === undefined) return 'its turn did not come in time';
  return codeOf(cause) ?? (cause instanceof Error ? cause.message : 'the request failed');
}

function codeOf(error: unknown): string | undefined {
  const hasCode = typeof error === 'object' && error !== null && 'code' in error;
  return hasCode && typeof error.code === 'string' ? error.code : undefined;
}
