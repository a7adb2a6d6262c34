import {
  AsyncMcpError,
  JsonRpcErrorCode,
  backoffDelay,
  checkMessage,
  isErrorResponse,
  isResponse,
  pause,
} from '@asyncmcp/core';
import { parseAnswer, parseRetryAfter, sessionLost } from '@asyncmcp/webhook/parts';
import type { Logger } from '@asyncmcp/core';
import type { ExchangeAnswer } from './client-exchange.js';

export interface StreamOptions {
  /** The session that is asked for its stream. */
  readonly sessionId: string | undefined;
  /** Told once when asking begins to fail. */
  readonly failed: (error: AsyncMcpError) => void;
  readonly logger: Logger;
  readonly closing: AbortSignal;
}

const BACKOFF = { baseMs: 1000, maxMs: 30_000 };

/** Statuses below 500 that may pass. 409: the server has not noticed yet that the stream before this one is gone. */
const PASSING: ReadonlySet<number> = new Set([408, 409, 425, 429]);

/** To the SDK's transport, 405 is a server that has no such stream: the only answer that it leaves at that. */
const NO_STREAM: ExchangeAnswer = { status: 405, headers: {}, text: '', stream: undefined, streamClosed: undefined };

/**
 * Asks for a stream of events until the server gives one, or refuses for good. The SDK's transport itself asks twice more, within some
 * three seconds, and then never again: what a session says by itself would not be heard any more once its server was away for longer.
 */
export async function openStream(ask: () => Promise<ExchangeAnswer>, options: StreamOptions): Promise<ExchangeAnswer> {
  const { sessionId, failed, logger, closing } = options;
  for (let attempt = 1; ; attempt++) {
    const answer = await unlessClosed(ask, closing).catch(toError);
    if (!(answer instanceof Error) && !mayPass(answer.status)) {
      const lost = sessionLost(notFoundIn(answer), sessionId);
      if (lost === undefined) return answer;
      failed(lost);
      return NO_STREAM;
    }
    const error = unavailable(answer);
    if (attempt === 1) failed(error);
    const delayMs = Math.max(backoffDelay(attempt, BACKOFF), askedDelay(answer));
    logger.debug(
      { err: error, attempt, delayMs },
      'there is no stream of what the session says by itself, trying again',
    );
    try {
      await pause(delayMs, closing);
    } catch {
      return NO_STREAM;
    }
  }
}

/** Asks once. When the transport is closed there is nothing more to hear, and nothing for the SDK to try again. */
export async function unlessClosed(ask: () => Promise<ExchangeAnswer>, closing: AbortSignal): Promise<ExchangeAnswer> {
  try {
    return closing.aborted ? NO_STREAM : await ask();
  } catch (error) {
    if (closing.aborted) return NO_STREAM;
    throw error;
  }
}

function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** What a server says that does not know the session any more. (One that just has no such route says 404, too, but not that.) */
function notFoundIn({ status, text }: ExchangeAnswer): AsyncMcpError | undefined {
  const answer = status === 404 ? checkMessage(parseAnswer(text)) : undefined;
  if (answer?.ok !== true || !isResponse(answer.message) || !isErrorResponse(answer.message)) return undefined;
  const { error } = answer.message;
  if (error.code !== JsonRpcErrorCode.sessionNotFound) return undefined;
  return new AsyncMcpError('ERR_SESSION_NOT_FOUND', error.message, { details: { error, status } });
}

function mayPass(status: number): boolean {
  return PASSING.has(status) || (status >= 500 && status !== 501);
}

function askedDelay(answer: ExchangeAnswer | Error): number {
  return answer instanceof Error ? 0 : parseRetryAfter(answer.headers['retry-after'], Date.now());
}

function unavailable(answer: ExchangeAnswer | Error): AsyncMcpError {
  const reason = answer instanceof Error ? answer.message : `it answered ${answer.status}`;
  const text = `The server gives no stream for what the session says by itself (${reason}); it is asked again until close().`;
  return new AsyncMcpError('ERR_UNAVAILABLE', text, answer instanceof Error ? { cause: answer } : {});
}
