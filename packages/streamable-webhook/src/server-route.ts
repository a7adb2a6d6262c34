import { AsyncMcpError } from '@asyncmcp/core';
import {
  StreamableHeader,
  addHealthRoute,
  createRequestGate,
  httpRefusal,
  inCohorts,
  refuseOtherMethods,
  sendRefusal,
  takeJsonAsText,
} from '@asyncmcp/webhook/parts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Authenticate, Authenticated, HostCheck, HttpRefusal } from '@asyncmcp/webhook/parts';

/** Answers one request of somebody who may use the server: at once, or when what it resolves with is sent. */
export type Handler = (
  request: FastifyRequest,
  reply: FastifyReply,
  sender: Authenticated | undefined,
) => Promise<FastifyReply> | void;

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
  const gate = createRequestGate({ ...options, checkHost: options.checkHost(app) });
  for (const [method, handle] of Object.entries(handlers)) {
    const handler = inCohorts((request, reply) => () => {
      const refusal = gate.refusalOf(request);
      return refusal === undefined ? handle(request, reply, gate.senderOf(request)) : sendRefusal(reply, refusal);
    });
    app.route({ method, url: path, exposeHeadRoute: false, ...gate.hooks, handler });
  }
  const methods = Object.keys(handlers);
  refuseOtherMethods(app, path, methods, () => wrongMethod(methods));
  addHealthRoute(app, healthPath, isClosing);
}

function wrongMethod(methods: readonly string[]): HttpRefusal {
  const text = `This path takes ${methods.join(', ')} (header ${StreamableHeader.sessionId}: see MCP, Streamable HTTP).`;
  return httpRefusal(405, new AsyncMcpError('ERR_MESSAGE_INVALID', text), { allow: methods.join(', ') });
}
