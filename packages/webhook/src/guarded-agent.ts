import { integerOption, knownOptions } from '@asyncmcp/core';
import { Agent, Pool, buildConnector } from 'undici';
import { tlsOption } from './tls-option.js';
import type { TlsOptions } from './tls-option.js';
import type { UrlGuard } from './url-guard.js';

/** Options of {@link createGuardedAgent}. */
export interface GuardedAgentOptions {
  /** How long connecting may take, resolving the name and TLS included, in milliseconds. Default 5,000. */
  readonly connectTimeoutMs?: number | undefined;
  /**
   * How long the endpoint may take to answer, and may pause while it does, in milliseconds. Default 30,000, the upper end of
   * what Standard Webhooks recommends.
   */
  readonly responseTimeoutMs?: number | undefined;
  /** How long an idle connection is kept, in milliseconds, whatever the endpoint would like. Default 10,000. */
  readonly keepAliveTimeoutMs?: number | undefined;
  /** Most connections to one origin; what comes then waits for one. Default 64. */
  readonly connectionsPerOrigin?: number | undefined;
  /** Longest body of a response, in bytes; a longer one fails while it is read. Default 65,536. */
  readonly maxResponseBytes?: number | undefined;
  /** Own certificate authorities, and a certificate to show to endpoints that ask. Default: those of Node, and none. */
  readonly tls?: TlsOptions | undefined;
}

const OPTION_NAMES = [
  'connectTimeoutMs',
  'responseTimeoutMs',
  'keepAliveTimeoutMs',
  'connectionsPerOrigin',
  'maxResponseBytes',
  'tls',
];

/**
 * An undici Agent each of whose connections is checked by `guard` when it is made, so that neither DNS nor a redirect leads it
 * astray. It follows no redirects and uses no proxy. A refused request rejects with the guard's `ERR_REPLY_ADDRESS_REFUSED`.
 *
 * A connection once made is used again without asking: `check` each URL before sending to it, too. That also keeps out
 * what the agent cannot see, such as credentials.
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION`
 */
export function createGuardedAgent(guard: UrlGuard, options: GuardedAgentOptions = {}): Agent {
  knownOptions('createGuardedAgent', options, OPTION_NAMES);
  const milliseconds = { min: 1, max: 600_000, unit: 'milliseconds' };
  const timeout = integerOption('connectTimeoutMs', options.connectTimeoutMs, { ...milliseconds, fallback: 5000 });
  const responseTimeout = integerOption('responseTimeoutMs', options.responseTimeoutMs, {
    ...milliseconds,
    fallback: 30_000,
  });
  const keepAliveTimeout = integerOption('keepAliveTimeoutMs', options.keepAliveTimeoutMs, {
    ...milliseconds,
    fallback: 10_000,
  });
  const connections = integerOption('connectionsPerOrigin', options.connectionsPerOrigin, {
    min: 1,
    max: 10_000,
    fallback: 64,
  });
  const maxResponseSize = integerOption('maxResponseBytes', options.maxResponseBytes, {
    min: 0,
    max: 1_073_741_824,
    fallback: 65_536,
    unit: 'bytes',
  });
  const { ca, cert, key } = tlsOption(options.tls) ?? {};
  const tls = {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  };

  const pool: Pool.Options = {
    // undici's way to say off: one request at a time on a connection. 0 would also close it after each.
    pipelining: 1,
    allowH2: false,
    keepAliveTimeout,
    keepAliveMaxTimeout: keepAliveTimeout,
    headersTimeout: responseTimeout,
    bodyTimeout: responseTimeout,
    maxResponseSize,
    connections,
  };

  return new Agent({
    // A connector for each origin: a lookup is told the name only, and the guard's policy wants scheme and port as well.
    factory(origin) {
      const url = new URL(origin);
      return new Pool(url, { ...pool, connect: guardedConnector(guard, url, { ...tls, timeout }) });
    },
  });
}

/** Node resolves no name, and so calls no lookup, where the host is an address: that is checked here. */
function guardedConnector(guard: UrlGuard, url: URL, options: buildConnector.BuildOptions): buildConnector.connector {
  const connect = buildConnector({ ...options, lookup: guard.lookupFor(url) });

  async function checkAndConnect(...[target, callback]: Parameters<buildConnector.connector>): Promise<void> {
    try {
      await guard.check(url);
      connect(target, callback);
    } catch (error) {
      callback(error as Error, null);
    }
  }

  return (target, callback) => void checkAndConnect(target, callback);
}
