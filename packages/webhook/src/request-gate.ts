import { answerLater, sendRefusal } from './http-errors.js';
import { isRefusal } from './server-auth.js';
import { closing } from './server-refusals.js';
import type { FastifyRequest, onRequestHookHandler } from 'fastify';
import type { Authenticate, Authenticated } from './server-auth.js';
import type { HostCheck } from './host-check.js';
import type { HttpRefusal } from './http-errors.js';

export interface RequestGateOptions {
  readonly checkHost: HostCheck;
  /** Undefined: everybody may use the server. */
  readonly authenticate: Authenticate | undefined;
  /** Whether the server no longer takes anything. */
  readonly isClosing: () => boolean;
}

/** Who is let in to a server. */
export interface RequestGate {
  /**
   * For each route: where a token is to be verified, that and all other checks are done before the body of a request is read, so that a
   * stranger's is not kept in memory meanwhile. Elsewhere there are none, for a hook costs every request more than the checks: those are
   * the handler's then, and who may not speak to a server may still have a body read, as everybody may.
   */
  readonly hooks: { readonly onRequest?: onRequestHookHandler };
  /** To be asked at the start of each handler: why a request is refused that came past the hooks. */
  refusalOf(request: FastifyRequest): HttpRefusal | undefined;
  /** Who sent a request that was let in; undefined where everybody may. */
  senderOf(request: FastifyRequest): Authenticated | undefined;
}

/** A gate for the routes of one server. */
export function createRequestGate({ checkHost, authenticate, isClosing }: RequestGateOptions): RequestGate {
  const check = (request: FastifyRequest): HttpRefusal | undefined =>
    checkHost(request) ?? (isClosing() ? closing() : undefined);
  if (authenticate === undefined) return { hooks: {}, refusalOf: check, senderOf: () => undefined };
  const senders = new WeakMap<FastifyRequest, Authenticated>();

  async function verify(request: FastifyRequest, asked: Authenticate): Promise<HttpRefusal | undefined> {
    const refusal = checkHost(request);
    if (refusal !== undefined) return refusal;
    const sender = await asked(request.headers.authorization);
    if (isRefusal(sender)) return sender;
    senders.set(request, sender);
    // It may have begun to close meanwhile.
    return isClosing() ? closing() : undefined;
  }

  return {
    hooks: {
      onRequest(request, reply, done) {
        const decide = (refusal: HttpRefusal | undefined): void => {
          if (refusal === undefined) done();
          else answerLater(reply, () => sendRefusal(reply, refusal));
        };
        verify(request, authenticate).then(decide, done);
      },
    },
    // It may have begun to close since, while the body was read.
    refusalOf: () => (isClosing() ? closing() : undefined),
    senderOf: (request) => senders.get(request),
  };
}
