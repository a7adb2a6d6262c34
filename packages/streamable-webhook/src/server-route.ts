import { AsyncMcpError } from '@asyncmcp/core';
import {
  StreamableHeader,
  addHealthRoute,
  closing,
  httpRefusal,
  isRefusal,
  refuseOtherMethods,
  sendRefusal,
  takeJsonAsText,
} from '@asyncmcp/webhook/parts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Authenticate, Authenticated, HostCheck, HttpRefusal } from '@asyncmcp/webhook/parts';

/** Answers one request of somebody who may use the server. */
export type Handler = (
  request: FastifyRequest,
  reply: FastifyReply,
  sender: Authenticated | undefined,
) => Promise<FastifyReply>;

export interface StreamableRouteOptions {
  readonly path: string;
  /** Undefined: no health route. */
  readonly healthPath: string | undefined;
  readonly maxMessageBytes: number;
  readonly checkHost: (app: FastifyInstance) => HostCheck;
  /** Undefined: everybody may use the server. */
  readonly authenticate: Authenticate | undefined;
  /** By method; what is not among them is answered 405. */
  readonly handlers: Readonly<Partial<Record<'POST' | 'GET' | 'DELETE', Handler>>>;
  /** Whether the server no longer takes anything. */
  readonly isClosing: () => boolean;
}

/** The routes of the server, for an instance of fastify that is theirs alone (encapsulated). */
export function addStreamableRoutes(app: FastifyInstance, options: StreamableRouteOptions): void {
  const { path, healthPath, handlers, isClosing } = options;
  takeJsonAsText(app, options.maxMessageBytes);
  const senders = new WeakMap<FastifyRequest, Authenticated>();
  const checkHost = options.checkHost(app);
  // Before the body is read: a stranger's is not kept in memory while a token is verified.
  const onRequest = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | void> => {
    const refusal = checkHost(request) ?? (await refusalOfSender(request, senders, options));
    if (refusal === undefined) return;
    sendRefusal(reply, refusal);
    return reply;
  };
  for (const [method, handle] of Object.entries(handlers)) {
    const handler = (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> =>
      handle(request, reply, senders.get(request));
    app.route({ method, url: path, exposeHeadRoute: false, onRequest, handler });
  }
  const methods = Object.keys(handlers);
  refuseOtherMethods(app, path, methods, () => wrongMethod(methods));
  addHealthRoute(app, healthPath, isClosing);
}

/** Why nothing is taken from the sender of a request, or undefined. Who it is is noted. */
async function refusalOfSender(
  request: FastifyRequest,
  senders: WeakMap<FastifyRequest, Authenticated>,
  { authenticate, isClosing }: StreamableRouteOptions,
): Promise<HttpRefusal | undefined> {
  const sender = await authenticate?.(request.headers.authorization);
  if (sender !== undefined && isRefusal(sender)) return sender;
  if (isClosing()) return closing();
  if (sender !== undefined) senders.set(request, sender);
  return undefined;
}

function wrongMethod(methods: readonly string[]): HttpRefusal {
  const text = `This path takes ${methods.join(', ')} (header ${StreamableHeader.sessionId}: see MCP, Streamable HTTP).`;
  return httpRefusal(405, new AsyncMcpError('ERR_MESSAGE_INVALID', text), { allow: methods.join(', ') });
}
