import { answerLater, sendRefusal } from './http-errors.js';
import { isRefusal } from './server-auth.js';
import { closing } from './server-refusals.js';
import type { FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify';
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

/** Who is let in to a server, before the body of a request is read: a stranger's is not kept in memory while a token is verified. */
export interface RequestGate {
  /** Answers whoever is not let in. */
  readonly onRequest: onRequestHookHandler;
  /** Who sent a request that was let in; undefined where everybody may. */
  senderOf(request: FastifyRequest): Authenticated | undefined;
}

/** A gate for the routes of one server. */
export function createRequestGate({ checkHost, authenticate, isClosing }: RequestGateOptions): RequestGate {
  const senders = new WeakMap<FastifyRequest, Authenticated>();

  async function verify(request: FastifyRequest, asked: Authenticate): Promise<HttpRefusal | undefined> {
    const sender = await asked(request.headers.authorization);
    if (isRefusal(sender)) return sender;
    senders.set(request, sender);
    // It may have begun to close meanwhile.
    return isClosing() ? closing() : undefined;
  }

  // With a callback: a promise for each request is dear where there is nothing to wait for.
  function onRequest(request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void): void {
    const decide = (refusal: HttpRefusal | undefined): void => {
      if (refusal === undefined) done();
      else answerLater(reply, () => sendRefusal(reply, refusal));
    };
    const wrongHost = checkHost(request);
    if (wrongHost !== undefined || authenticate === undefined)
      decide(wrongHost ?? (isClosing() ? closing() : undefined));
    else verify(request, authenticate).then(decide, done);
  }

  return {
    onRequest,
    senderOf: (request) => (authenticate === undefined ? undefined : senders.get(request)),
  };
}
