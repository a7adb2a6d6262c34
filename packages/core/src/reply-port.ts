import type { Envelope } from './envelope.js';
import type { SessionRecord } from './session-store.js';

/** What is known of the sender of an address, for the policy that judges it. */
export interface ReplyAddressInfo {
  /** The client that names the address, as it calls itself. */
  readonly clientId?: string;
  /** The session it names it for; none with `initialize`. */
  readonly sessionId?: string;
}

/**
 * Widens or narrows which reply addresses are used. Replaces the transport's default policy; call that from yours to keep
 * it. An address that is not allowed is never sent to.
 */
export type AllowReplyTo = (address: string, info: ReplyAddressInfo) => boolean | Promise<boolean>;

/** The way replies leave a server: SQS send, SNS publish, webhook POST. */
export interface ReplyPort {
  /**
   * Hands an envelope to the broker or peer at `address`; resolves when it has taken it.
   *
   * @param session - the record of the envelope's session, where it is at hand; it may be no longer in the store
   *
   * @throws AsyncMcpError `ERR_MESSAGE_TOO_LARGE`, `ERR_DESTINATION_GONE`, `ERR_ACCESS_DENIED`, `ERR_UNAVAILABLE`, `ERR_CLOSED`;
   *   `ERR_DELIVERY_FAILED` where trying again is over
   */
  send(address: string, envelope: Envelope, session?: SessionRecord): Promise<void>;
  /**
   * The reply address that the params of an `initialize` request name, if any. They come from a stranger.
   *
   * @throws AsyncMcpError for what they say of replies beside it, e.g. a malformed secret
   */
  addressOf(initializeParams: Readonly<Record<string, unknown>>): string | undefined;
  /** Whether replies may go to an address, which is a claim of the sender. */
  allows: AllowReplyTo;
}
