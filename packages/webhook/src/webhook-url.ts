import { isIP } from 'node:net';
import { AsyncMcpError } from '@asyncmcp/core';
import { specialRangeOf } from './address-policy.js';

/** What a webhook URL can be refused for. `malformed` and `credentials` cannot be allowed. */
export type UrlRefusal = 'malformed' | 'credentials' | 'scheme' | 'port' | 'host' | 'address';

/** One thing that is against a URL. */
export interface Objection {
  readonly reason: UrlRefusal;
  /** For the error message, after "because". */
  readonly problem: string;
  /** The address objected to. */
  readonly address?: string;
  /** The range it is in: `loopback`, `private`, … */
  readonly range?: string;
}

/** Longest URL, in characters. */
const MAX_LENGTH = 2048;

/** Most of a URL's path that is shown in a message. */
const MAX_SHOWN = 200;

/** One label after the other, no empty one among them. The URL parser has made names ASCII and lower case by then. */
const HOST_NAME = /^(?=.{1,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/;

/**
 * Names that are not of the public DNS: RFC 6761, 6762, 7686, 8375 and 9476, ICANN's .internal, and those that are in use inside of
 * networks so much that ICANN does not delegate them. Cloud metadata services have names under .internal.
 */
const INTERNAL_SUFFIXES = [
  'alt',
  'corp',
  'home',
  'home.arpa',
  'internal',
  'intranet',
  'invalid',
  'lan',
  'local',
  'localdomain',
  'localhost',
  'mail',
  'onion',
  'private',
  'test',
];

/**
 * Reads a webhook URL.
 *
 * @throws AsyncMcpError `ERR_REPLY_ADDRESS_REFUSED` for what is no http or https URL, or has credentials in it
 */
export function parseWebhookUrl(candidate: string | URL): URL {
  const text = String(candidate);
  // The parser would mend these. Whoever reads the same text elsewhere may mend it to another host.
  const plain = text.length <= MAX_LENGTH && !/[\s\p{Cc}\\]/u.test(text);
  const authority = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]+)/i.exec(text)?.[1];
  if (!plain || authority === undefined || !URL.canParse(text)) {
    const problem = `it is no absolute URL of at most ${MAX_LENGTH} characters, without spaces and backslashes`;
    throw urlRefused(undefined, { reason: 'malformed', problem });
  }
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw urlRefused(undefined, { reason: 'scheme', problem: 'its scheme is not https' });
  }
  if (authority.includes('@')) throw urlRefused(url, { reason: 'credentials', problem: 'it has credentials in it' });
  return url;
}

/** All that is against a URL as far as can be told without resolving its name. */
export function objectionsTo(url: URL, allowedPorts: readonly number[]): readonly Objection[] {
  const objections: Objection[] = [];
  if (url.protocol !== 'https:') objections.push({ reason: 'scheme', problem: 'its scheme is not https' });
  const port = url.port === '' ? defaultPort(url) : Number(url.port);
  if (!allowedPorts.includes(port)) {
    objections.push({ reason: 'port', problem: `port ${port} is none of ${allowedPorts.join(', ')}` });
  }
  const host = literalHost(url);
  const objection = isIP(host) === 0 ? objectionToName(host) : objectionToAddress(host);
  if (objection !== undefined) objections.push(objection);
  return objections;
}

/** What is against an address that a name resolves to; without `name`, against one that stands in the URL itself. */
export function objectionToAddress(address: string, name?: string): Objection | undefined {
  const range = specialRangeOf(address);
  if (range === undefined) return undefined;
  // Which one it is, and what kind of, is in the details, for the log: a stranger could map our network by asking.
  const problem =
    name === undefined
      ? `${address} is not a public address (${range})`
      : `${name} resolves to an address that is not public`;
  return { reason: 'address', problem, address, range };
}

/** The error for a URL; undefined for one that must not be shown. */
export function urlRefused(
  url: URL | undefined,
  { reason, problem, address, range }: Objection,
  cause?: unknown,
): AsyncMcpError {
  const shown = url === undefined ? undefined : shownUrl(url);
  const mend =
    reason === 'malformed' || reason === 'credentials' ? '' : ' If it is right, open it with allowWebhookUrl.';
  return new AsyncMcpError(
    'ERR_REPLY_ADDRESS_REFUSED',
    `Webhook URL ${shown === undefined ? '' : `${shown} `}refused: ${problem}.${mend}`,
    {
      cause,
      details: {
        reason,
        ...(shown !== undefined && { url: shown }),
        ...(address !== undefined && { address }),
        ...(range !== undefined && { range }),
      },
    },
  );
}

/** Origin and path: credentials and queries hold secrets. */
export function shownUrl({ origin, pathname }: URL): string {
  return `${origin}${pathname.length > MAX_SHOWN ? `${pathname.slice(0, MAX_SHOWN)}…` : pathname}`;
}

function objectionToName(name: string): Objection | undefined {
  // An absolute name is another origin for us and the same host for the rest of the world.
  if (name.endsWith('.')) return { reason: 'host', problem: 'its host ends in a full stop' };
  if (!HOST_NAME.test(name)) return { reason: 'host', problem: 'its host is no host name' };
  // What has no dot is completed from this machine's search domains.
  const internal = !name.includes('.') || INTERNAL_SUFFIXES.some((suffix) => `.${name}`.endsWith(`.${suffix}`));
  return internal ? { reason: 'host', problem: `${name} is not a name of the public DNS` } : undefined;
}

/** The host without the brackets around an IPv6 address. All notations of IPv4 are one by now, thanks to the URL parser. */
function literalHost({ hostname }: URL): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
}

function defaultPort({ protocol }: URL): number {
  return protocol === 'https:' ? 443 : 80;
}
