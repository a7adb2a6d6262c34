import { isRecord } from '@asyncmcp/core';
import { failureOfError } from './delivery-errors.js';
import { parseRetryAfter } from './retry-after.js';
import type { EventEmitter } from 'node:events';
import type { Dispatcher } from 'undici';
import type { Health } from './delivery-circuit.js';
import type { Failure } from './delivery-errors.js';
import type { Target } from './endpoint.js';

/** How long what an endpoint says beside its status may take, in milliseconds. Nobody waits for it, but a connection is taken. */
const BODY_TIMEOUT_MS = 1000;

/**
 * Statuses below 500 with which another try may help. 404, too: a receiver that is just being started, or the ingress before
 * one, answers it.
 */
const AGAIN: ReadonlySet<number> = new Set([404, 408, 425, 429]);

export interface Post {
  readonly agent: Dispatcher;
  readonly target: Target;
  readonly headers: Record<string, string>;
  readonly body: string;
  /** Emits `abort` when nothing is waited for any more. Not an AbortSignal: with many listeners each new one costs more. */
  readonly aborting: EventEmitter;
  readonly now: () => number;
}

/** What a try came to. */
export interface Answer {
  /** Undefined where the endpoint has taken the message. */
  readonly failure: Failure | undefined;
  /** What is left of the response: to be discarded. */
  readonly rest: Dispatcher.ResponseData['body'] | undefined;
}

/** Tries once to deliver. Never rejects. */
export async function post({ agent, target, headers, body, aborting, now }: Post): Promise<Answer> {
  let response: Dispatcher.ResponseData;
  try {
    const { origin, path } = target;
    response = await agent.request({ origin, path, method: 'POST', headers, body, signal: aborting });
  } catch (cause) {
    return { failure: failureOfError(cause), rest: undefined };
  }
  const { statusCode: status, body: rest } = response;
  if (status >= 200 && status < 300) return { failure: undefined, rest };
  if (status === 413) {
    const failure = { again: false, health: 'well', retryAfterMs: 0, status } as const;
    return { failure: { ...failure, limitBytes: await limitIn(rest) }, rest: undefined };
  }
  const retryAfterMs = parseRetryAfter(response.headers['retry-after'], now());
  const again = (status >= 300 && status < 400) || status >= 500 || AGAIN.has(status);
  return { failure: { again, health: healthOf(status), retryAfterMs, status }, rest };
}

/** Reads what is left of a response, so that its connection can be used again, and calls `done` when that is over. */
export function discard(rest: Dispatcher.ResponseData['body'], done: () => void): void {
  const timer = limitTime(rest);
  rest.once('close', () => {
    clearTimeout(timer);
    done();
  });
  // What was said is said by the status.
  rest.on('error', () => {});
  rest.resume();
}

/** Any answer is a sign of life, but for those that say that there is too much to do, or that something is broken. */
function healthOf(status: number): Health {
  return status >= 500 || status === 429 ? 'ill' : 'well';
}

/** The limit that a receiver of ours tells: a JSON-RPC error whose `data.limitBytes` is a number. */
async function limitIn(rest: Dispatcher.ResponseData['body']): Promise<number | undefined> {
  const timer = limitTime(rest);
  try {
    const answer: unknown = await rest.json();
    const error = isRecord(answer) ? answer['error'] : undefined;
    const data = isRecord(error) ? error['data'] : undefined;
    const limit = isRecord(data) ? data['limitBytes'] : undefined;
    return typeof limit === 'number' ? limit : undefined;
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

function limitTime(rest: Dispatcher.ResponseData['body']): NodeJS.Timeout {
  return setTimeout(() => rest.destroy(), BODY_TIMEOUT_MS).unref();
}
