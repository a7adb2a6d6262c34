import { AsyncMcpError, isResponse, messageText } from '@asyncmcp/core';
import type { Envelope } from '@asyncmcp/core';
import type { Pass } from './delivery-circuit.js';
import type { Failure } from './delivery-errors.js';
import type { Endpoint } from './delivery-endpoint.js';
import type { Lane, Queued, OutboxEntry } from './delivery-outbox.js';
import type { Signer } from './signature.js';

const USER_AGENT = 'asyncmcp-webhook';

/** What stands beside a message on its way; `identified`: whether the message id must be there, for it does not travel elsewhere. */
export type EncodeHeaders = (envelope: Envelope, identified: boolean) => Record<string, string>;

/** How an {@link Outgoing} is sent. */
export interface Posting {
  readonly signer: Signer | undefined;
  readonly encodeHeaders: EncodeHeaders;
  /** No further try begins after it, in ms since epoch. */
  readonly deadline: number;
}

/** One message on its way. */
export class Outgoing implements Queued<Outgoing> {
  readonly envelope: Envelope;
  readonly body: string;
  readonly endpoint: Endpoint;
  readonly deadline: number;
  /** Settles with what becomes of it, by one of the next two. */
  readonly delivered: Promise<void>;
  resolve!: () => void; // Both are assigned in the constructor, by the promise's executor.
  reject!: (error: Error) => void;
  readonly session: string;
  readonly lane: Lane;
  entry: OutboxEntry<Outgoing> | undefined;
  /** Tries begun. */
  attempts = 0;
  /** Whether one is under way. */
  trying = false;
  /** Whether it was delivered, or failed for good. */
  settled = false;
  /** Its endpoint is gone: the try under way is the last. */
  gone = false;
  lastFailure: Failure | undefined;
  readonly #signer: Signer | undefined;
  readonly #encodeHeaders: EncodeHeaders;
  #headers: Record<string, string> | undefined;
  #signedAt = 0;
  #stopWaiting: (() => void) | undefined;

  constructor(envelope: Envelope, body: string, endpoint: Endpoint, { signer, encodeHeaders, deadline }: Posting) {
    this.envelope = envelope;
    this.body = body;
    this.endpoint = endpoint;
    this.deadline = deadline;
    this.delivered = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.#signer = signer;
    this.#encodeHeaders = encodeHeaders;
    this.session = envelope.sessionId ?? '';
    this.lane = envelope.relatedRequestId ?? (isResponse(envelope.message) ? envelope.message.id : undefined);
  }

  get url(): string {
    return this.endpoint.url;
  }

  /**
   * The headers of the next try. Its signature is later than that of the one before, by a second at least: the same one would be
   * taken for a replay.
   */
  headersAt(now: number): Record<string, string> {
    const signer = this.#signer;
    if (signer === undefined) return (this.#headers ??= this.#unsignedHeaders(true));
    // What is signed has the message's id in `webhook-id`.
    this.#headers ??= this.#unsignedHeaders(false);
    this.#signedAt = Math.max(Math.floor(now / 1000), this.#signedAt + 1);
    // Over those of the try before, which is over: nobody reads them any more.
    const signed = signer.sign(this.envelope.messageId, this.body, this.#signedAt);
    this.#headers['webhook-id'] = signed['webhook-id'];
    this.#headers['webhook-timestamp'] = signed['webhook-timestamp'];
    this.#headers['webhook-signature'] = signed['webhook-signature'];
    return this.#headers;
  }

  /** Waits for leave to send; undefined when none can be had in time, or {@link stopWaiting} was called. */
  waitToEnter(): Promise<Pass | undefined> {
    return new Promise((resolve) => {
      const settle = (pass: Pass | undefined): void => {
        this.#stopWaiting = undefined;
        resolve(pass);
      };
      const expire = (): void => settle(undefined);
      const giveUp = this.endpoint.wait({ deadline: this.deadline, enter: settle, expire });
      this.#stopWaiting = () => {
        giveUp();
        settle(undefined);
      };
    });
  }

  /** Waits before another try, or until {@link stopWaiting} is called. */
  pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#stopWaiting = undefined;
        resolve();
      }, delayMs);
      this.#stopWaiting = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  stopWaiting(): void {
    this.#stopWaiting?.();
    this.#stopWaiting = undefined;
  }

  #unsignedHeaders(identified: boolean): Record<string, string> {
    const headers = this.#encodeHeaders(this.envelope, identified);
    headers['user-agent'] = USER_AGENT;
    return headers;
  }
}

/**
 * The message as it travels.
 *
 * @throws AsyncMcpError `ERR_MESSAGE_INVALID` for what JSON cannot say: a BigInt, a circle
 */
export function toBody(envelope: Envelope): string {
  try {
    // For undefined, say, it returns undefined, whatever its type tells.
    const body: string | undefined = messageText(envelope);
    if (body !== undefined) return body;
  } catch (error) {
    const text = `The message cannot be written as JSON: ${error instanceof Error ? error.message : String(error)}`;
    throw new AsyncMcpError('ERR_MESSAGE_INVALID', text, { cause: error });
  }
  throw new AsyncMcpError('ERR_MESSAGE_INVALID', 'The message cannot be written as JSON: it is no object');
}
