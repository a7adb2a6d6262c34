import { functionOption, integerOption, loggerOption, objectOption } from './options.js';
import { MemorySessionStore } from './session-store.js';
import { silentLogger } from './logger.js';
import type { CallStore } from './call-store.js';
import type { Logger } from './logger.js';
import type { CreateServer } from './session.js';
import type { SessionHostOptions } from './session-host.js';
import type { SessionStore } from './session-store.js';

/** Options that every server of this project takes, with one meaning and one default. */
export interface ServerOptions {
  /** Makes the MCP server object of one session (`McpServer` or `Server`, SDK v1 or v2). Called once per live session. */
  readonly createServer: CreateServer;
  /** Where session records live; share one to let several processes serve the same sessions. Default: this process's memory. */
  readonly store?: SessionStore | undefined;
  /**
   * Where the servers of one queue or address agree on which of them runs a call, and how it ended; share one for a call to run once, and
   * again only if the process that ran it is killed, or gives it back as it closes. It costs two writes a call. Default: each process knows
   * its own calls, and a copy that reaches another one runs there as well.
   */
  readonly callStore?: CallStore | undefined;
  /**
   * With a `callStore`: for how long, in milliseconds, a call is this process's without being renewed, 1,000 to 43,200,000; it is renewed
   * at a third of this while it runs. What a killed process ran is run elsewhere after at most this and five
   * seconds. Default 30,000.
   */
  readonly callLeaseMs?: number | undefined;
  /** Most sessions live in this process at once; `initialize` beyond it is refused. Default 1,000. */
  readonly maxSessions?: number | undefined;
  /** A session idle for this long, in milliseconds, has its live server freed; its record stays. Default 30 minutes. */
  readonly sessionIdleTimeoutMs?: number | undefined;
  /** A session not heard of for this long, in milliseconds, ends. Default 24 hours. */
  readonly sessionTtlMs?: number | undefined;
  /** Most calls that run at once in this process; a call that waits for its client does not count. Default 100. */
  readonly concurrency?: number | undefined;
  /** A call received more often than this without being completed is answered with an error and dead-lettered. Default 3. */
  readonly maxAttempts?: number | undefined;
  /** How long `close()` lets running calls finish, in milliseconds, before it gives them back. Default 30,000. */
  readonly drainTimeoutMs?: number | undefined;
  /** pino-compatible. Default: silent. */
  readonly logger?: Logger | undefined;
  /** Aborting it closes the server, as `close()` does. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

/** The names of {@link ServerOptions}, for the check against misspelt options. */
export const SERVER_OPTION_NAMES: readonly (keyof ServerOptions)[] = [
  'createServer',
  'store',
  'callStore',
  'callLeaseMs',
  'maxSessions',
  'sessionIdleTimeoutMs',
  'sessionTtlMs',
  'concurrency',
  'maxAttempts',
  'drainTimeoutMs',
  'logger',
  'signal',
];

/** What {@link checkServerOptions} returns: every option, with its default filled in. */
export type CheckedServerOptions = Omit<
  SessionHostOptions,
  'replyPort' | 'onerror' | 'answerAddress' | 'sessionOf' | 'onFreed' | 'isListening'
> &
  Pick<ServerOptions, 'signal'>;

const DAY_MS = 24 * 60 * 60_000;

/**
 * Checks the options that all servers share and fills in the defaults.
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION`
 */
export function checkServerOptions(options: ServerOptions): CheckedServerOptions {
  return {
    createServer: functionOption('createServer', options.createServer),
    store:
      options.store === undefined
        ? new MemorySessionStore()
        : objectOption('store', options.store, ['get', 'put', 'delete', 'touch']),
    callStore:
      options.callStore === undefined
        ? undefined
        : objectOption('callStore', options.callStore, ['claim', 'renew', 'release', 'end']),
    callLeaseMs: integerOption('callLeaseMs', options.callLeaseMs, {
      min: 1000,
      max: DAY_MS / 2,
      fallback: 30_000,
      unit: 'milliseconds',
    }),
    maxSessions: integerOption('maxSessions', options.maxSessions, { min: 1, max: 1_000_000, fallback: 1000 }),
    sessionIdleTimeoutMs: integerOption('sessionIdleTimeoutMs', options.sessionIdleTimeoutMs, {
      min: 10,
      max: 30 * DAY_MS,
      fallback: 30 * 60_000,
      unit: 'milliseconds',
    }),
    sessionTtlMs: integerOption('sessionTtlMs', options.sessionTtlMs, {
      min: 1000,
      max: 365 * DAY_MS,
      fallback: DAY_MS,
      unit: 'milliseconds',
    }),
    concurrency: integerOption('concurrency', options.concurrency, { min: 1, max: 10_000, fallback: 100 }),
    maxAttempts: integerOption('maxAttempts', options.maxAttempts, { min: 1, max: 1000, fallback: 3 }),
    drainTimeoutMs: integerOption('drainTimeoutMs', options.drainTimeoutMs, {
      min: 0,
      max: DAY_MS / 2,
      fallback: 30_000,
      unit: 'milliseconds',
    }),
    logger: loggerOption(options.logger, silentLogger),
    signal:
      options.signal === undefined
        ? undefined
        : objectOption('signal', options.signal, ['addEventListener', 'removeEventListener']),
  };
}
