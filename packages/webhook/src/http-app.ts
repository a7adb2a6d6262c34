import { fastify } from 'fastify';
import { AsyncMcpError, integerOption, invalidOption, knownOptions, stringOption } from '@asyncmcp/core';
import { sendRefusal } from './http-errors.js';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { HttpRefusal } from './http-errors.js';

/** Where to listen. */
export interface ListenOptions {
  /** 0 takes any free port. */
  readonly port: number;
  /** Default `127.0.0.1`: reachable from this machine only. Behind a reverse proxy elsewhere, or in a container, `0.0.0.0` or `::`. */
  readonly host?: string | undefined;
}

/** What listening came to. */
export interface ListeningAt {
  /** The address that is listened on, e.g. `127.0.0.1`. */
  readonly host: string;
  /** The port, also where any free one was asked for. */
  readonly port: number;
  /** E.g. `http://127.0.0.1:8000`, without a path. */
  readonly url: string;
}

/** A request that has not come in whole by then, in milliseconds, is given up: nobody holds a connection by sending slowly. */
const REQUEST_TIMEOUT_MS = 30_000;

/** An idle connection is closed after this time, in milliseconds. A reverse proxy should keep its own for less. */
const KEEP_ALIVE_MS = 10_000;

/** A fastify of our own, for who does not have one. Proxies are not trusted: nothing here asks whose address a request has. */
export function createApp(): FastifyInstance {
  return fastify({
    logger: false,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: 'idle',
  });
}

/**
 * Listens.
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION`, `ERR_UNAVAILABLE` when the port cannot be had
 */
export async function listen(app: FastifyInstance, options: ListenOptions): Promise<ListeningAt> {
  knownOptions('listen()', options, ['port', 'host']);
  if (options.port === undefined) throw invalidOption('port', undefined, 'a port number; 0 takes any free one');
  const port = integerOption('port', options.port, { min: 0, max: 65_535, fallback: 0 });
  const host = stringOption('host', options.host ?? '127.0.0.1');
  try {
    await app.listen({ port, host });
  } catch (error) {
    const text = `Port ${port} on ${host} cannot be listened on; is it in use?`;
    throw new AsyncMcpError('ERR_UNAVAILABLE', text, { cause: error });
  }
  const address = app.server.address();
  if (address === null || typeof address === 'string') throw new AsyncMcpError('ERR_INTERNAL', 'Listening on no port.');
  const shown = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return { host: address.address, port: address.port, url: `http://${shown}:${address.port}` };
}

/** Where a load balancer asks whether requests are taken. Undefined: nowhere. */
export function addHealthRoute(app: FastifyInstance, path: string | undefined, isClosing: () => boolean): void {
  if (path === undefined) return;
  app.get(path, async (_request, reply) =>
    reply.code(isClosing() ? 503 : 200).send({ status: isClosing() ? 'closing' : 'ok' }),
  );
}

/** Refuses all methods of a path but some, before the body is read: what is wrong with it does not matter. */
export function refuseOtherMethods(
  app: FastifyInstance,
  path: string,
  methods: readonly string[],
  refusal: () => HttpRefusal,
): void {
  const refuse = async (_request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    sendRefusal(reply, refusal());
    return reply;
  };
  app.route({
    method: app.supportedMethods.filter((method) => !methods.includes(method)),
    url: path,
    exposeHeadRoute: false,
    onRequest: refuse,
    handler: refuse,
  });
}

/**
 * Closes a fastify of our own: it stops listening at once, and is given until `done` to finish what has begun to come in. Then
 * connections are cut: node ends the time limits of requests with the listening, and whoever is connected and silent would keep
 * it open for ever.
 */
export async function closeApp(app: FastifyInstance, done: Promise<unknown>): Promise<void> {
  const closed = app.close();
  await Promise.race([closed, done]);
  app.server.closeAllConnections();
  await closed;
}

/**
 * Checks the option `path`.
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION`
 */
export function pathOption(name: string, value: unknown, fallback: string): string {
  const path = value === undefined ? fallback : stringOption(name, value);
  // Fastify would take ':' and '*' for placeholders.
  if (/^\/[\w./~-]*$/.test(path)) return path;
  throw new AsyncMcpError(
    'ERR_INVALID_OPTION',
    `Option "${name}" is ${JSON.stringify(path.slice(0, 100))}, but must be a path: "/" and letters, digits, ".", "_", "~", "-", "/".`,
    { details: { option: name } },
  );
}
