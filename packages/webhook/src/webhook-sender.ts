import { AsyncMcpError, TransientSet, toAsyncMcpError } from '@asyncmcp/core';
import { destinationGone, senderClosed, shownText } from './delivery-errors.js';
import { Endpoints } from './delivery-endpoints.js';
import { Outgoing, toBody } from './delivery-message.js';
import { deliver } from './delivery-run.js';
import { encodeHeaders } from './http-wire.js';
import type { Envelope, Logger } from '@asyncmcp/core';
import type { Dispatcher } from 'undici';
import type { EncodeHeaders } from './delivery-message.js';
import type { DeliveryTools } from './delivery-run.js';
import type { HttpExchange } from './http-exchange.js';
import type { Signer } from './signature.js';
import type { UrlGuard } from './url-guard.js';

/** A message that was not delivered, and never will be by us. */
export interface UndeliveredWebhook {
  /** Where it should have gone. */
  readonly url: string;
  /** The whole message, with its metadata. */
  readonly envelope: Envelope;
  /** Why it was given up: `ERR_DELIVERY_FAILED`, mostly. */
  readonly error: AsyncMcpError;
  /** Tries made. */
  readonly attempts: number;
}

export interface WebhookSenderOptions {
  /** Judges every URL before it is sent to. */
  readonly guard: UrlGuard;
  /** What requests are made with, e.g. by `createGuardedAgent`. It is not closed with the sender. */
  readonly agent: Dispatcher;
  /**
   * No further try of a message begins this long after `send()`, in milliseconds. One whose turn comes later than that, because of
   * others before it, is tried once unless its endpoint is paused.
   */
  readonly retryForMs: number;
  /** Most messages of one session in the works; `send()` beyond that waits its turn. */
  readonly maxQueuedPerSession: number;
  /**
   * Called once for every message that was accepted and failed for good, before `send()` rejects. What it throws is logged.
   */
  readonly onundelivered: (failure: UndeliveredWebhook) => void;
  /** What stands beside a message on its way. Default: the headers of the webhook transport. */
  readonly encodeHeaders?: EncodeHeaders | undefined;
  readonly logger: Logger;
  /** The clock, in ms since epoch, for tests. Default Date.now. */
  readonly now?: () => number;
  /** Source of randomness from 0 to 1, for tests. Default Math.random. */
  readonly random?: () => number;
}

/**
 * POSTs messages to webhook URLs. Messages of one request of one session stay in order. What may pass is tried again, with the same
 * `webhook-id` and a later timestamp: network errors, timeouts, redirects (never followed), 404, 408, 425, 429 and 5xx.
 */
export interface WebhookSender {
  /**
   * Resolves when the endpoint has taken the message: when it has answered 2xx.
   *
   * @throws AsyncMcpError `ERR_CLOSED`, `ERR_MESSAGE_INVALID`, `ERR_MESSAGE_TOO_LARGE` (413), `ERR_REPLY_ADDRESS_REFUSED`,
   *   `ERR_DESTINATION_GONE` (410, also for all of the session that waits), `ERR_DELIVERY_FAILED` for other final answers and
   *   when trying again is over
   */
  send(url: string, envelope: Envelope, signer: Signer | undefined): Promise<void>;
  /**
   * Takes nothing more, lets what was taken go on for up to `drainMs` milliseconds, and then aborts the rest: it rejects with
   * `ERR_CLOSED` and is reported as undelivered, though an endpoint may have had it. Idempotent: only the first call's
   * `drainMs` counts.
   */
  close(drainMs: number): Promise<void>;
}

/** A sender for any number of URLs and sessions; it keeps nothing of those that have no messages and are well. */
export function createWebhookSender(options: WebhookSenderOptions): WebhookSender {
  return new Sender(options);
}

/** Longest time of a timer, in milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1;

class Sender implements WebhookSender {
  readonly #options: WebhookSenderOptions;
  readonly #tools: DeliveryTools;
  readonly #endpoints: Endpoints;
  readonly #underWay = new TransientSet<HttpExchange>();
  readonly #now: () => number;
  #closed: Promise<void> | undefined;
  #onIdle = (): void => {};

  constructor(options: WebhookSenderOptions) {
    const { guard, agent, maxQueuedPerSession, logger, now = Date.now, random = Math.random } = options;
    this.#options = options;
    this.#now = now;
    this.#endpoints = new Endpoints({
      outbox: { maxQueuedPerSession, begin: (message) => this.#run(message) },
      now,
      onIdle: () => this.#onIdle(),
    });
    this.#tools = {
      guard,
      agent,
      endpoints: this.#endpoints,
      underWay: this.#underWay,
      now,
      random,
      onRetry: (message, { status, cause }) =>
        logger.debug({ ...factsOf(message), status, err: cause }, 'a webhook was not delivered yet, trying again'),
    };
  }

  send(url: string, envelope: Envelope, signer: Signer | undefined): Promise<void> {
    let body: string;
    try {
      if (this.#closed !== undefined) throw senderClosed(url);
      body = toBody(envelope);
    } catch (error) {
      return Promise.reject(toAsyncMcpError(error, 'ERR_INTERNAL', 'The message could not be sent'));
    }
    const message = new Outgoing(envelope, body, this.#endpoints.acquire(url), {
      signer,
      encodeHeaders: this.#options.encodeHeaders ?? encodeHeaders,
      deadline: this.#now() + this.#options.retryForMs,
    });
    message.endpoint.outbox.add(message);
    return message.delivered;
  }

  close(drainMs: number): Promise<void> {
    return (this.#closed ??= this.#close(drainMs));
  }

  async #close(drainMs: number): Promise<void> {
    if (!this.#endpoints.idle) await this.#drained(drainMs);
    for (const message of this.#endpoints.messages) this.#settle(message, senderClosed(message.url));
    const reason = new AsyncMcpError('ERR_CLOSED', 'The sender was closed.');
    for (const exchange of this.#underWay.values()) exchange.abort(reason);
  }

  #drained(drainMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.min(drainMs, MAX_TIMER_MS));
      this.#onIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #run(message: Outgoing): void {
    deliver(message, this.#tools, (error) => {
      this.#settle(message, error);
      if (error?.code === 'ERR_DESTINATION_GONE') this.#giveUpSession(message);
    });
  }

  /** The first call decides; what comes after it is no news any more. */
  #settle(message: Outgoing, error: AsyncMcpError | undefined): void {
    if (message.settled) return;
    message.settled = true;
    message.stopWaiting();
    message.endpoint.outbox.remove(message);
    if (error === undefined) message.resolve();
    else {
      this.#report(message, error);
      message.reject(error);
    }
    this.#endpoints.release(message.endpoint);
  }

  #giveUpSession({ session, endpoint }: Outgoing): void {
    for (const message of endpoint.outbox.of(session)) {
      // What is under way may yet be taken: it was sent before.
      if (message.trying) message.gone = true;
      else this.#settle(message, destinationGone(message));
    }
  }

  #report(message: Outgoing, error: AsyncMcpError): void {
    const { logger, onundelivered } = this.#options;
    const { url, envelope, attempts } = message;
    const failed = (thrown: unknown): void =>
      logger.error({ ...factsOf(message), err: thrown }, 'onundelivered failed');
    logger.warn({ ...factsOf(message), err: error }, 'a webhook was not delivered');
    try {
      // An async function may be given for one that returns nothing.
      const result: unknown = onundelivered({ url, envelope, error, attempts });
      if (result instanceof Promise) result.catch(failed);
    } catch (thrown) {
      failed(thrown);
    }
  }
}

function factsOf({ url, envelope: { messageId, sessionId }, attempts }: Outgoing): Record<string, unknown> {
  return { url: shownText(url), messageId, sessionId, attempts };
}
