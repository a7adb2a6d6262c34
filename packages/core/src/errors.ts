/**
 * The stable codes of {@link AsyncMcpError}. docs/errors.md says for each of them what a user should do.
 * A code is part of the public API: it is never renamed and never reused for something else.
 */
export type AsyncMcpErrorCode =
  /** An option given to a constructor is missing, of the wrong type or out of range. */
  | 'ERR_INVALID_OPTION'
  /** `start()` was called a second time. */
  | 'ERR_ALREADY_STARTED'
  /** Something was asked of a transport or server that was not started yet. */
  | 'ERR_NOT_STARTED'
  /** Something was asked of a transport or server that is closed or closing. */
  | 'ERR_CLOSED'
  /** What arrived is not JSON, or not one JSON-RPC 2.0 message that MCP allows. */
  | 'ERR_MESSAGE_INVALID'
  /** A message with its attributes is larger than the destination takes. */
  | 'ERR_MESSAGE_TOO_LARGE'
  /** A message would carry more attributes than the wire allows. */
  | 'ERR_TOO_MANY_ATTRIBUTES'
  /** A reply address is outside what the policy allows. */
  | 'ERR_REPLY_ADDRESS_REFUSED'
  /** A webhook is not signed, or its signature is malformed, stale, or not made with a secret in use. */
  | 'ERR_SIGNATURE_INVALID'
  /** The queue, topic or URL a message should go to does not exist (any more). */
  | 'ERR_DESTINATION_GONE'
  /** The credentials in use do not allow the operation. */
  | 'ERR_ACCESS_DENIED'
  /** The broker or peer could not be reached, and retrying did not help in the time allowed. */
  | 'ERR_UNAVAILABLE'
  /** A webhook was not delivered, however often it was tried, or its endpoint refused it for good. */
  | 'ERR_DELIVERY_FAILED'
  /** The session of a message is unknown, ended, expired, or belongs to another client. */
  | 'ERR_SESSION_NOT_FOUND'
  /** Client side: the server no longer knows this transport's session. */
  | 'ERR_SESSION_LOST'
  /** This process serves as many sessions as it may. */
  | 'ERR_SESSION_LIMIT'
  /** A request needs a session and named none. */
  | 'ERR_SESSION_REQUIRED'
  /** A message names a protocol version this package does not speak. */
  | 'ERR_PROTOCOL_VERSION'
  /** A call was received more often than `maxAttempts` without being completed. */
  | 'ERR_TOO_MANY_ATTEMPTS'
  /** A message that could not be handled was dropped, because there is no dead-letter queue; `details` has its body. */
  | 'ERR_DEAD_LETTERED'
  /** A delivery's lease ran out before it was settled; it may be handled elsewhere at the same time. */
  | 'ERR_LEASE_LOST'
  /** The user's `createServer` threw, or its server did not take part in the handshake. */
  | 'ERR_CREATE_SERVER'
  /** The session store failed. */
  | 'ERR_SESSION_STORE'
  /** The call store failed. */
  | 'ERR_CALL_STORE'
  /** A message on a shared reply queue belongs to nobody this process knows. */
  | 'ERR_UNCLAIMED_MESSAGE'
  /** The queue that replies should come to is not subscribed to its topic, or no longer. */
  | 'ERR_SUBSCRIPTION_GONE'
  /** Something failed that no other code describes; see `cause`. */
  | 'ERR_INTERNAL';

/**
 * The error of every asyncmcp package. `code` is stable and meant for programs, `message` says what to do and is meant
 * for people, `cause` is the error underneath where there is one.
 */
export class AsyncMcpError extends Error {
  /** Always `AsyncMcpError`; `isAsyncMcpError` goes by it. */
  override readonly name = 'AsyncMcpError';
  /** What happened, for programs. Stable. */
  readonly code: AsyncMcpErrorCode;
  /** Facts a program may want: sizes, ids, addresses. Always serialisable. */
  readonly details: Readonly<Record<string, unknown>>;

  /**
   * An error with a code.
   *
   * @param message - what happened and what to do about it
   * @param options - `cause`: the error underneath; `details`: see {@link details}. Default: neither.
   */
  constructor(
    code: AsyncMcpErrorCode,
    message: string,
    options: { cause?: unknown; details?: Record<string, unknown> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** Whether `error` is an {@link AsyncMcpError}, with this code if one is given. Works across copies of the package. */
export function isAsyncMcpError(error: unknown, code?: AsyncMcpErrorCode): error is AsyncMcpError {
  if (!(error instanceof Error) || error.name !== 'AsyncMcpError') return false;
  return 'code' in error && (code === undefined || error.code === code);
}

/** `error` itself if it is an {@link AsyncMcpError} already, otherwise a new one that has it as its cause. */
export function toAsyncMcpError(error: unknown, code: AsyncMcpErrorCode, message: string): AsyncMcpError {
  if (isAsyncMcpError(error)) return error;
  return new AsyncMcpError(code, `${message}: ${error instanceof Error ? error.message : String(error)}`, {
    cause: error,
  });
}
