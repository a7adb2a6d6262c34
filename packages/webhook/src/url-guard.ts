import dns from 'node:dns';
import { AsyncMcpError, functionOption, invalidOption, knownOptions, withDeadline } from '@asyncmcp/core';
import { createFairLookup } from './fair-lookup.js';
import { objectionToAddress, objectionsTo, parseWebhookUrl, urlRefused } from './webhook-url.js';
import type { LookupAddress, LookupAllOptions, LookupOptions } from 'node:dns';
import type { LookupFunction } from 'node:net';
import type { Objection } from './webhook-url.js';

/** What `allowWebhookUrl` is asked to overlook. */
export interface WebhookUrlInfo {
  /**
   * - `scheme`: it is http.
   * - `port`: it is none of `allowedPorts`.
   * - `host`: the name is not of the public DNS (`localhost`, `.internal`, a single label), or ends in a full stop.
   * - `address`: the address in the URL, or one that its name resolves to, is not public.
   */
  readonly reason: 'scheme' | 'port' | 'host' | 'address';
  /** With `address`: which one. */
  readonly address?: string;
  /** With `address`: the range it is in, e.g. `loopback` or `private`. */
  readonly range?: string;
}

/**
 * Opens what is closed by default. Asked once for each thing that is against a URL, and for each address of its name that is not
 * public; the URL is used only if every answer is true. Not asked about a URL that nothing is against, so it cannot narrow.
 *
 * `url` is the origin alone: connections are kept and shared by origin, so a path could not be held to. It is asked again at each
 * new connection. An error, a rejection and no answer within ten seconds all count as no.
 */
export type AllowWebhookUrl = (url: URL, info: WebhookUrlInfo) => boolean | Promise<boolean>;

/** Resolves a name to all of its addresses, like `dns.lookup` with `all: true`. */
export type LookupAll = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** Options of {@link createUrlGuard}. */
export interface UrlGuardOptions {
  /** Opens what is closed by default, e.g. `(url) => url.hostname === '127.0.0.1'` in development. Default: nothing is opened. */
  readonly allowWebhookUrl?: AllowWebhookUrl | undefined;
  /**
   * The ports that need no further leave, for http, too. Default 443 and 8443: what else listens on a public host was rarely
   * meant to be posted to by strangers through us.
   */
  readonly allowedPorts?: readonly number[] | undefined;
  /**
   * How names are resolved, e.g. with a cache. Default `dns.lookup`, once at a time for each name, and such that names whose DNS does not
   * answer leave room for others.
   */
  readonly lookup?: LookupAll | undefined;
}

/**
 * Keeps a server from sending to where only it can reach: webhook URLs come from strangers. {@link createGuardedAgent} applies
 * it to connections; `check` alone does not know what a name resolves to.
 */
export interface UrlGuard {
  /**
   * Checks all that can be told without resolving the name: scheme, credentials, port, host, and an address that stands in the
   * URL. Resolves with the URL as it was understood; send to that.
   *
   * Credentials, other schemes than http and https, and what is no proper URL are refused without asking `allowWebhookUrl`.
   *
   * @throws AsyncMcpError `ERR_REPLY_ADDRESS_REFUSED`, whose message shows no more of the URL than origin and path;
   *   `details.reason` is that of {@link WebhookUrlInfo}, 'malformed' or 'credentials'
   */
  check(url: string | URL): Promise<URL>;
  /**
   * The `connect.lookup` for connections to `url`: resolves the name and fails with `ERR_REPLY_ADDRESS_REFUSED` if any of its
   * addresses is not public. It is these addresses that are connected to, so a name that resolves to others later gains
   * nothing. Failures to resolve are passed on as they are. Node does not call it for addresses: `check` does these.
   */
  lookupFor(url: URL): LookupFunction;
}

/** How long a policy may take to answer. */
const POLICY_TIMEOUT_MS = 10_000;

/** @throws AsyncMcpError `ERR_INVALID_OPTION` */
export function createUrlGuard(options: UrlGuardOptions = {}): UrlGuard {
  knownOptions('createUrlGuard', options, ['allowWebhookUrl', 'allowedPorts', 'lookup']);
  const allowWebhookUrl = functionOption('allowWebhookUrl', options.allowWebhookUrl ?? (() => false));
  const allowedPorts = portsOption('allowedPorts', options.allowedPorts ?? [443, 8443]);
  const lookup = functionOption<LookupAll>('lookup', options.lookup ?? createFairLookup(dns.lookup));

  /** Refuses `url` unless the policy overlooks all that is against it. */
  async function settle(url: URL, objections: readonly Objection[]): Promise<void> {
    for (const objection of objections) {
      const { allowed, error } = await ask(allowWebhookUrl, url, objection);
      if (!allowed) throw urlRefused(url, objection, error);
    }
  }

  async function check(candidate: string | URL): Promise<URL> {
    const url = parseWebhookUrl(candidate);
    await settle(url, objectionsTo(url, allowedPorts));
    return url;
  }

  async function addressesOf(url: URL, hostname: string, options: LookupOptions): Promise<LookupAddress[]> {
    const addresses = await new Promise<LookupAddress[]>((resolve, reject) => {
      lookup(hostname, { ...options, all: true }, (error, found) => (error ? reject(error) : resolve([...found])));
    });
    if (addresses.length === 0) throw new AsyncMcpError('ERR_UNAVAILABLE', `${hostname} has no address.`);
    await settle(
      url,
      addresses.flatMap(({ address }) => objectionToAddress(address, hostname) ?? []),
    );
    return addresses;
  }

  async function answer(url: URL, ...[hostname, options, callback]: Parameters<LookupFunction>): Promise<void> {
    let addresses: LookupAddress[];
    try {
      addresses = await addressesOf(url, hostname, options);
    } catch (error) {
      return callback(error as Error, []);
    }
    const [first] = addresses;
    if (options.all === true) callback(null, addresses);
    else callback(null, first?.address ?? '', first?.family);
  }

  function lookupFor(url: URL): LookupFunction {
    return (...call) => void answer(url, ...call);
  }

  return { check, lookupFor };
}

/** The policy's answer; anything but true, in time, is a no. */
async function ask(
  policy: AllowWebhookUrl,
  url: URL,
  { reason, address, range }: Objection,
): Promise<{ allowed: boolean; error?: unknown }> {
  if (reason === 'malformed' || reason === 'credentials') return { allowed: false };
  const info = { reason, ...(address !== undefined && { address }), ...(range !== undefined && { range }) };
  try {
    const answer = Promise.resolve(policy(new URL(url.origin), info));
    const allowed = await withDeadline(answer, { timeoutMs: POLICY_TIMEOUT_MS, what: 'allowWebhookUrl' });
    return { allowed: allowed === true };
  } catch (error) {
    return { allowed: false, error };
  }
}

function portsOption(name: string, value: unknown): readonly number[] {
  if (Array.isArray(value) && value.length > 0 && value.every(isPort)) return value.slice();
  throw invalidOption(name, value, 'a non-empty array of port numbers from 1 to 65535');
}

function isPort(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65_535;
}
