import { createGuardedAgent, createUrlGuard } from '@asyncmcp/webhook';
import { fetch } from 'undici';
import { FetchError, toFetchError } from './fetch-errors.js';
import { readText } from './response-text.js';
import type { LookupAll, UrlGuard } from '@asyncmcp/webhook';
import type { Dispatcher, Response } from 'undici';
import type { ResponseText } from './response-text.js';

export interface SafeFetchOptions {
  /**
   * Whether to fetch from an origin that is not public: its name is not of the public DNS, or an address of it is private, loopback,
   * link-local, a cloud's metadata service, … Default: from none.
   */
  readonly allowPrivate?: ((origin: URL) => boolean) | undefined;
  /** How long everything together may take, redirects and the body included, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number | undefined;
  /** Largest body, in bytes. Default 1,048,576. */
  readonly maxBytes?: number | undefined;
  /** How names are resolved. Default `dns.lookup`. */
  readonly lookup?: LookupAll | undefined;
}

export interface FetchedText extends ResponseText {
  /** Where it came from, after redirects. */
  readonly url: string;
  readonly status: number;
}

/**
 * Gets a text by http or https, whoever asks for it: what only this machine can reach is refused, and so is what is too much. Rejects
 * with a FetchError, or the signal's reason.
 */
export type SafeFetch = (url: string, signal: AbortSignal) => Promise<FetchedText>;

const MAX_REDIRECTS = 3;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

const HEADERS = {
  accept: 'text/html, text/*;q=0.9, application/json;q=0.8, application/xml;q=0.8, */*;q=0.1',
  'user-agent': 'asyncmcp-demo-server',
};

export function createSafeFetch(options: SafeFetchOptions = {}): SafeFetch {
  const { allowPrivate = () => false, timeoutMs = 10_000, maxBytes = 1_048_576, lookup } = options;
  const guard = createUrlGuard({
    // Webhooks want https and its ports. To read what is public, http is good enough, on whatever port.
    allowWebhookUrl: (origin, { reason }) => reason === 'scheme' || reason === 'port' || allowPrivate(origin),
    lookup,
  });

  return async (url, signal) => {
    signal.throwIfAborted();
    const ending = new AbortController();
    const onAbort = (): void => ending.abort(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    const outOfTime = new FetchError(`${url} was not there in ${timeoutMs / 1000} seconds, so it was given up.`);
    const timer = setTimeout(() => ending.abort(outOfTime), timeoutMs);
    // One for each call: connections that are kept would be used again without asking who is connected to.
    const dispatcher = createGuardedAgent(guard, { maxResponseBytes: maxBytes });
    const hops = new Hops(url);
    try {
      const response = await hops.follow({ guard, dispatcher, signal: ending.signal });
      return { url: hops.url, status: response.status, ...(await readText(response, maxBytes)) };
    } catch (error) {
      signal.throwIfAborted();
      throw ending.signal.aborted ? outOfTime : toFetchError(error, hops.url, maxBytes);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      await dispatcher.destroy();
    }
  };
}

interface FollowOptions {
  readonly guard: UrlGuard;
  readonly dispatcher: Dispatcher;
  readonly signal: AbortSignal;
}

/** The way from a URL to what it leads to. */
class Hops {
  /** Where it has got to. */
  url: string;

  constructor(url: string) {
    this.url = url;
  }

  /** Resolves with the first response that leads nowhere else. Every redirect is as suspect as the URL was. */
  async follow({ guard, dispatcher, signal }: FollowOptions): Promise<Response> {
    for (let redirects = 0; ; redirects++) {
      const url = await guard.check(this.url);
      this.url = url.href;
      const response = await fetch(url, { dispatcher, signal, redirect: 'manual', headers: HEADERS });
      const location = REDIRECTS.has(response.status) ? response.headers.get('location') : null;
      if (location === null) return response;
      await response.body?.cancel();
      if (redirects === MAX_REDIRECTS)
        throw new FetchError(`More than ${MAX_REDIRECTS} redirects; the last was ${url.href}.`);
      if (!URL.canParse(location, url.href))
        throw new FetchError(`${url.href} redirects to what is no URL: "${location}".`);
      this.url = new URL(location, url).href;
    }
  }
}
