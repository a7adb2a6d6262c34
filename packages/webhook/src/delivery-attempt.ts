import { isRecord } from '@asyncmcp/core';
import { failureOfError } from './delivery-errors.js';
import { HttpExchange, sendRequest } from './http-exchange.js';
import { parseRetryAfter } from './retry-after.js';
import type { TransientSet } from '@asyncmcp/core';
import type { Dispatcher } from 'undici';
import type { Health } from './delivery-circuit.js';
import type { Failure } from './delivery-errors.js';
import type { HttpRequest } from './http-exchange.js';

/** How long what an endpoint says beside its status may take, in milliseconds. Nobody waits for it, but a connection is taken. */
const BODY_TIMEOUT_MS = 1000;

/**
 * Statuses below 500 with which another try may help. 404, too: a receiver that is just being started, or the ingress before one, answers
 * it. (And 401 for a replay, which is this very try: something on the way has sent it twice. The next one has a timestamp of its own, and
 * is answered as what became of the message.)
 */
const AGAIN: ReadonlySet<number> = new Set([404, 408, 425, 429]);

/**
 * Longest wait that an endpoint may ask for, in milliseconds: as long as those of our own. A page that says "back in an hour" is mostly
 * there for minutes, and what waited for it would not be delivered at all.
 */
const LONGEST_WAIT_MS = 60_000;

/** What posting needs, the same for all messages of a sender. */
export interface PostTools {
  readonly agent: Dispatcher;
  /** Exchanges that are not over, for who wants to abort them all. */
  readonly underWay: TransientSet<HttpExchange>;
  readonly now: () => number;
}

/**
 * Tries once to deliver; resolves with why that failed, if it did. Never rejects.
 *
 * @param whenOver - called once the connection is free again: at once, or a little later than the try is decided
 */
export async function post(
  request: HttpRequest,
  whenOver: () => void,
  { agent, underWay, now }: PostTools,
): Promise<Failure | undefined> {
  const exchange = await new Promise<HttpExchange>((resolve) => {
    let timer: NodeJS.Timeout | undefined;
    const sent: HttpExchange = new HttpExchange(
      () => {
        // Only what a receiver has to say about a size or a signature is worth waiting for.
        if (sent.status !== 413 && sent.status !== 401) resolve(sent);
        // As a rule the rest came with the status, and there is no time to limit.
        queueMicrotask(() => {
          if (!sent.over)
            timer = setTimeout(() => sent.abort(new Error('the answer took too long')), BODY_TIMEOUT_MS).unref();
        });
      },
      () => {
        clearTimeout(timer);
        underWay.delete(place);
        resolve(sent);
        whenOver();
      },
    );
    const place = underWay.add(sent);
    sendRequest(agent, request, sent);
  });
  const { status, error } = exchange;
  if (status === 0) return failureOfError(error);
  if (status >= 200 && status < 300) return undefined;
  if (status === 413)
    return { again: false, health: 'well', retryAfterMs: 0, status, limitBytes: limitIn(exchange.text()) };
  const retryAfterMs = Math.min(LONGEST_WAIT_MS, parseRetryAfter(exchange.headers['retry-after'], now()));
  const isCopy = status === 401 && dataIn(exchange.text())['reason'] === 'replay';
  const again = isCopy || (status >= 300 && status < 400) || status >= 500 || AGAIN.has(status);
  return { again, health: healthOf(status), retryAfterMs, status };
}

/** Any answer is a sign of life, but for those that say that there is too much to do, or that something is broken. */
function healthOf(status: number): Health {
  return status >= 500 || status === 429 ? 'ill' : 'well';
}

/** The limit that a receiver of ours tells: a JSON-RPC error whose `data.limitBytes` is a number. */
function limitIn(text: string): number | undefined {
  const limit = dataIn(text)['limitBytes'];
  return typeof limit === 'number' ? limit : undefined;
}

/** The `data` of a JSON-RPC error. */
function dataIn(text: string): Readonly<Record<string, unknown>> {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    return {};
  }
  const error = isRecord(answer) ? answer['error'] : undefined;
  const data = isRecord(error) ? error['data'] : undefined;
  return isRecord(data) ? data : {};
}
