import { isIP } from 'node:net';
import type { IncomingHttpHeaders } from 'node:http';
import { AsyncMcpError, invalidOption } from '@asyncmcp/core';
import { httpRefusal } from './http-errors.js';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { HttpRefusal } from './http-errors.js';

/** Which hosts and origins a server answers to. */
export interface HostCheckOptions {
  /**
   * Host names that requests may be for (header `Host`, without the port); `false`: any. Default: where the server listens on loopback
   * only, `localhost`, `127.0.0.1` and `[::1]`; elsewhere any. Name yours behind a reverse proxy on the same machine.
   */
  readonly allowedHosts?: readonly string[] | false | undefined;
  /**
   * Origins that browsers may send requests from (header `Origin`), e.g. `https://app.example.com`; `false`: any. What sends no
   * `Origin`, which is not a browser, is let through. Default: where the server listens on loopback only, those of this machine;
   * elsewhere any.
   */
  readonly allowedOrigins?: readonly string[] | false | undefined;
}

const LOOPBACK_NAMES: readonly string[] = ['localhost', '127.0.0.1', '[::1]'];

/** What a request is refused for, or undefined. */
export type HostCheck = (request: FastifyRequest) => HttpRefusal | undefined;

/**
 * Against DNS rebinding: a page in somebody's browser whose name suddenly means 127.0.0.1 must not reach a server there (MCP 2025-11-25,
 * Transports, security warning).
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION`
 */
export function createHostCheck(options: HostCheckOptions): (app: FastifyInstance) => HostCheck {
  const hosts = namesOption('allowedHosts', options.allowedHosts, hostnameIn);
  const origins = namesOption('allowedOrigins', options.allowedOrigins, originIn);
  return (app) => {
    let loopbackOnly: boolean | undefined;
    // Not before it listens, which it may on other addresses yet.
    const onLoopback = (): boolean => (loopbackOnly ??= listensOnLoopbackOnly(app)) ?? false;
    const isHost = lastRemembered((host) => isAllowedHost(host, hosts ?? LOOPBACK_NAMES));
    const isOrigin = lastRemembered((origin) => isAllowedOrigin(origin, origins === false ? undefined : origins));
    return ({ headers }) => {
      const { origin } = headers;
      const host = hostOf(headers);
      if (hosts !== false && (hosts !== undefined || onLoopback()) && !isHost(host)) return refused('Host', host);
      const checksOrigin = origin !== undefined && origins !== false && (origins !== undefined || onLoopback());
      return checksOrigin && !isOrigin(origin) ? refused('Origin', origin) : undefined;
    };
  };
}

/** HTTP/2 has a pseudo-header of its own for it (RFC 9113, 8.3.1). */
function hostOf({ host, ':authority': authority }: IncomingHttpHeaders): string {
  return host ?? (typeof authority === 'string' ? authority : '');
}

/** Requests come with the same few values: the last one is not looked at again. */
function lastRemembered(decide: (value: string) => boolean): (value: string) => boolean {
  let last: { readonly value: string; readonly decision: boolean } | undefined;
  return (value) => {
    if (last?.value !== value) last = { value, decision: decide(value) };
    return last.decision;
  };
}

function isAllowedHost(host: string, names: readonly string[] | false): boolean {
  const name = hostnameIn(host);
  return name !== undefined && names !== false && names.includes(name);
}

function isAllowedOrigin(origin: string, origins: readonly string[] | undefined): boolean {
  return origins === undefined
    ? LOOPBACK_NAMES.includes(originHostname(origin) ?? '')
    : origins.includes(originIn(origin) ?? '');
}

/** Undefined where it does not listen: what is handed to it by other ways (`inject`) no page in a browser can reach. */
function listensOnLoopbackOnly(app: FastifyInstance): boolean | undefined {
  // fastify calls them AddressInfo; a Unix socket's is its path, and what stands before it is a proxy.
  const addresses: readonly (string | { readonly address: string })[] = app.addresses();
  if (addresses.length === 0) return undefined;
  return addresses.every((one) => typeof one !== 'string' && /^(?:127\.|::1$|::ffff:127\.)/.test(one.address));
}

function refused(header: string, value: string): HttpRefusal {
  const shown = JSON.stringify(value.slice(0, 200));
  const text = `This server does not answer to ${header} ${shown}; see its options allowedHosts and allowedOrigins.`;
  return httpRefusal(403, new AsyncMcpError('ERR_ACCESS_DENIED', text));
}

/** In lower case, without the port. */
function hostnameIn(host: string): string | undefined {
  const url = `http://${isIP(host) === 6 ? `[${host}]` : host}`;
  if (!/^[^/?#@\\\s]+$/.test(host) || !URL.canParse(url)) return undefined;
  return new URL(url).hostname;
}

function originIn(origin: string): string | undefined {
  return URL.canParse(origin) && new URL(origin).origin !== 'null' ? new URL(origin).origin : undefined;
}

function originHostname(origin: string): string | undefined {
  return originIn(origin) === undefined ? undefined : new URL(origin).hostname;
}

function namesOption(
  name: string,
  value: unknown,
  normalised: (text: string) => string | undefined,
): readonly string[] | false | undefined {
  if (value === undefined || value === false) return value;
  const names = Array.isArray(value) ? value.map((one) => (typeof one === 'string' ? normalised(one) : undefined)) : [];
  const good = names.filter((one) => one !== undefined);
  if (Array.isArray(value) && good.length === value.length) return good;
  throw invalidOption(name, value, 'an array of names, or false');
}
