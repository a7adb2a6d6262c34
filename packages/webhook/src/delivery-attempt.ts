import { isRecord } from '@asyncmcp/core';
import { failureOfError } from './delivery-errors.js';
import { HttpExchange, HttpRequest, sendRequest } from './http-exchange.js';
import { parseRetryAfter } from './retry-after.js';
import type { Place, TransientSet } from '@asyncmcp/core';
import type { Dispatcher } from 'undici';
import type { Health, Pass } from './delivery-circuit.js';
import type { Endpoint, Target } from './delivery-endpoint.js';
import type { Endpoints } from './delivery-endpoints.js';
import type { Failure } from './delivery-errors.js';
import type { Outgoing } from './delivery-message.js';
import type { ExchangeListener } from './http-exchange.js';

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

/** What a try needs, the same for all messages of a sender. */
export interface AttemptTools {
  readonly agent: Dispatcher;
  readonly endpoints: Endpoints;
  /** Exchanges that are not over, for who wants to abort them all. */
  readonly underWay: TransientSet<HttpExchange>;
  readonly now: () => number;
}

/**
 * Tries once to deliver a message.
 *
 * @param onDecided - called once, with why it failed if it did; as a rule while the answer comes in, so that nothing is waited for twice
 * @throws what signing or writing the headers failed with; nothing was sent then
 */
export function attempt(
  message: Outgoing,
  target: Target,
  pass: Pass,
  tools: AttemptTools,
  onDecided: (failure: Failure | undefined) => void,
): void {
  const { endpoint } = message;
  let request: HttpRequest;
  try {
    request = new HttpRequest('POST', target, message.headersAt(tools.now()), message.body);
  } catch (error) {
    giveBack(endpoint, pass);
    throw error;
  }
  new Attempt(message, pass, tools, onDecided).send(request);
}

/** Gives back leave to send that is not used. */
export function giveBack(endpoint: Endpoint, pass: Pass): void {
  endpoint.report(pass, 'unknown', 0);
  endpoint.leave();
}

/** One request for one message. Its place at the endpoint is taken for as long as the connection is, which may be longer than anybody waits. */
class Attempt implements ExchangeListener {
  readonly #message: Outgoing;
  readonly #pass: Pass;
  readonly #tools: AttemptTools;
  readonly #onDecided: (failure: Failure | undefined) => void;
  #place: Place<HttpExchange> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #decided = false;

  constructor(message: Outgoing, pass: Pass, tools: AttemptTools, onDecided: (failure: Failure | undefined) => void) {
    this.#message = message;
    this.#pass = pass;
    this.#tools = tools;
    this.#onDecided = onDecided;
  }

  send(request: HttpRequest): void {
    const { agent, endpoints, underWay } = this.#tools;
    endpoints.hold(this.#message.endpoint);
    this.#message.attempts++;
    this.#message.trying = true;
    const exchange = new HttpExchange(this);
    this.#place = underWay.add(exchange);
    sendRequest(agent, request, exchange);
  }

  onAnswered(exchange: HttpExchange): void {
    // As a rule the rest comes with the status: then it is decided by that, and there is no time to limit.
    queueMicrotask(() => {
      if (exchange.over) return;
      this.#timer = setTimeout(() => exchange.abort(new Error('the answer took too long')), BODY_TIMEOUT_MS).unref();
      // Only what a receiver has to say about a size or a signature is worth waiting for.
      if (exchange.status !== 413 && exchange.status !== 401) this.#decide(exchange);
    });
  }

  onOver(exchange: HttpExchange): void {
    clearTimeout(this.#timer);
    const { endpoints, underWay } = this.#tools;
    const { endpoint } = this.#message;
    if (this.#place !== undefined) underWay.delete(this.#place);
    const failure = this.#decided ? undefined : this.#report(exchange);
    // What the try told is taken in before its place is free.
    endpoint.leave();
    endpoints.release(endpoint);
    if (!this.#decided) this.#tell(failure);
  }

  #decide(exchange: HttpExchange): void {
    this.#tell(this.#report(exchange));
  }

  /** Takes in what the try told of the endpoint. */
  #report(exchange: HttpExchange): Failure | undefined {
    const { endpoint } = this.#message;
    const failure = failureOf(exchange, this.#tools.now);
    if (failure === undefined) endpoint.report(this.#pass, 'well', 0);
    else endpoint.report(this.#pass, failure.health, failure.retryAfterMs);
    if (failure?.health === 'ill') endpoint.lastFailure = failure;
    return failure;
  }

  #tell(failure: Failure | undefined): void {
    this.#decided = true;
    this.#message.trying = false;
    this.#onDecided(failure);
  }
}

/** Why a try failed, if it did. */
function failureOf(exchange: HttpExchange, now: () => number): Failure | undefined {
  const { status, error } = exchange;
  if (status === 0) return failureOfError(error);
  if (status >= 200 && status < 300) return undefined;
  if (status === 413)
    return { again: false, health: 'well', retryAfterMs: 0, status, limitBytes: limitIn(exchange.text()) };
  const retryAfterMs = Math.min(LONGEST_WAIT_MS, parseRetryAfter(exchange.retryAfter, now()));
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
