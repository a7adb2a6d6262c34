import { AsyncMcpError } from '@asyncmcp/core';
import { fastify } from 'fastify';
import { describeMessage } from './describe-message.js';
import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify';
import type { Trace } from './trace.js';

/** A webhook as it came, whoever sent it. */
export interface WebhookArrival {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** What it was answered; undefined while it is not. */
  status: number | undefined;
}

/** The client's own HTTP server, with the receiver in it. */
export interface WebhookEndpoint {
  /** Where it is reached from this machine. */
  readonly url: string;
  /** All that came so far. */
  readonly arrivals: readonly WebhookArrival[];
  /** Answers the next so many webhooks with 503 in the receiver's place, as a proxy does before an app that is away. */
  beAway(webhooks: number): void;
  close(): Promise<void>;
}

export interface WebhookEndpointOptions {
  /** The routes of a `WebhookReceiver`. */
  readonly plugin: FastifyPluginAsync;
  readonly path: string;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly trace: Trace;
}

/** Listens for webhooks with a fastify that records what comes, before the receiver sees it. */
export async function startWebhookEndpoint(options: WebhookEndpointOptions): Promise<WebhookEndpoint> {
  const { plugin, path, host, port, trace } = options;
  const app = fastify();
  const arrivals: WebhookArrival[] = [];
  let away = 0;
  recordRequests(app, arrivals, trace, () => away > 0);
  app.addHook('preHandler', async (_request, reply) => {
    if (away === 0) return undefined;
    away--;
    return reply.code(503).send({ error: 'away for a moment' });
  });
  await app.register(plugin);
  const origin = await app.listen({ host, port }).catch((cause: unknown) => {
    throw new AsyncMcpError('ERR_UNAVAILABLE', `No webhooks can be taken at ${host}, port ${port}; is it in use?`, {
      cause,
    });
  });
  return {
    url: `${origin}${path}`,
    arrivals,
    beAway: (webhooks) => void (away = webhooks),
    close: () => app.close(),
  };
}

function recordRequests(app: FastifyInstance, arrivals: WebhookArrival[], trace: Trace, isAway: () => boolean): void {
  const underWay = new WeakMap<FastifyRequest, (status: number) => void>();
  app.addHook('preHandler', async (request) => {
    const { headers } = request;
    const arrival: WebhookArrival = { headers, body: textOf(request.body), status: undefined };
    const isAgain = wasHere(headers, arrivals);
    if (!trace.countsOnly) arrivals.push(arrival);
    const record = trace.recordRequest({
      kind: 'received',
      channel: `${'webhook-signature' in headers ? 'signed' : 'unsigned'} webhook${isAgain ? ' again' : ''}`,
      what: whatOf(arrival, isAgain || isAway()),
      bytes: Buffer.byteLength(arrival.body),
      at: performance.now(),
    });
    underWay.set(request, (status) => record.answered((arrival.status = status)));
  });
  app.addHook('onResponse', async (request, reply) => underWay.get(request)?.(reply.statusCode));
}

function wasHere({ 'webhook-id': id }: IncomingHttpHeaders, arrivals: readonly WebhookArrival[]): boolean {
  return id !== undefined && arrivals.some(({ headers }) => headers['webhook-id'] === id);
}

/** With the beginning of its id, where that says which of several tries belong together. */
function whatOf({ headers, body }: WebhookArrival, withId: boolean): string {
  const id = headers['webhook-id'];
  const what = describeMessage({ type: 'jsonrpc', body });
  return withId && id !== undefined ? `${what}, id ${String(id).slice(0, 8)}` : what;
}

/** As it came: a receiver takes the body unparsed, for it is the bytes that are signed. */
function textOf(body: unknown): string {
  if (body instanceof Uint8Array) return Buffer.from(body).toString();
  return typeof body === 'string' ? body : '';
}
