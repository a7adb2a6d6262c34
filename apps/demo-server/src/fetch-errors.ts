import { isAsyncMcpError } from '@asyncmcp/core';

/** Why nothing was fetched, in words for whoever called the tool. */
export class FetchError extends Error {
  override readonly name = 'FetchError';
}

export function tooLarge(maxBytes: number): FetchError {
  return new FetchError(`The body is larger than ${maxBytes} bytes, which is the most that is read.`);
}

/**
 * What went wrong on the way to `url`, as a FetchError. undici wraps what its connections fail with, and the guard speaks of
 * webhooks, and of options that the caller does not have.
 */
export function toFetchError(error: unknown, url: string, maxBytes: number): FetchError {
  let code = '';
  for (let cause = error; typeof cause === 'object' && cause !== null; cause = 'cause' in cause ? cause.cause : null) {
    if (cause instanceof FetchError) return cause;
    if (isAsyncMcpError(cause, 'ERR_REPLY_ADDRESS_REFUSED')) return refused(cause.details['reason'], url, cause);
    if ('code' in cause && typeof cause.code === 'string') ({ code } = cause);
  }
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') return tooLarge(maxBytes);
  const why = code === '' && error instanceof Error ? error.message : code;
  return new FetchError(`Could not get ${url}: ${why}.`, { cause: error });
}

/** Says nothing of what a name resolves to: a stranger could map the network by asking. */
function refused(reason: unknown, url: string, cause: Error): FetchError {
  const text =
    reason === 'malformed' || reason === 'scheme'
      ? `"${url}" is not a URL to fetch: it has to be absolute, and http or https.`
      : reason === 'credentials'
        ? 'The URL has credentials in it, which are not sent anywhere.'
        : `${url} is refused: its host is not a public one. Where it should be, start the server with --allow-private-fetch.`;
  return new FetchError(text, { cause });
}
