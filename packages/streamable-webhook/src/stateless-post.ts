import { randomUUID } from 'node:crypto';
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';
import { AsyncMcpError, isRequest, toAsyncMcpError, withDeadline } from '@asyncmcp/core';
import { httpRefusal, sendRefusal, tooMuch } from '@asyncmcp/webhook/parts';
import { toWebRequest, writeWebResponse } from './http-bridge.js';
import { isInitialize, readPostBody } from './post-body.js';
import { BY_CONNECTION } from './reply-port.js';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { CreateServer, ServerLike, SessionInfo } from '@asyncmcp/core';
import type { Admission, Authenticated } from '@asyncmcp/webhook/parts';
import type { PostBody } from './post-body.js';

export interface StatelessOptions {
  readonly createServer: CreateServer;
  readonly admission: Admission;
  readonly jsonResponse: boolean;
  readonly keepAliveMs: number;
  /** How long what is under way may go on when the server closes, in milliseconds. */
  readonly drainTimeoutMs: number;
  readonly report: (error: AsyncMcpError) => void;
}

/** Serves each POST with a server of its own. */
export interface StatelessPosts {
  handle(request: FastifyRequest, reply: FastifyReply, sender: Authenticated | undefined): Promise<FastifyReply>;
  /** Waits for what is under way, for a bounded time, and then closes it. */
  close(): Promise<void>;
}

/** A server that is not made and connected in this time, in milliseconds, is given up. */
const OPEN_TIMEOUT_MS = 30_000;

export function createStatelessPosts(options: StatelessOptions): StatelessPosts {
  const { createServer, admission, drainTimeoutMs, report } = options;
  const underWay = new Map<ServerLike, Promise<void>>();

  async function serve(
    request: FastifyRequest,
    reply: FastifyReply,
    body: PostBody,
    sender: Authenticated | undefined,
  ): Promise<void> {
    const transport = new WebStandardStreamableHTTPServerTransport({
      enableJsonResponse: options.jsonResponse,
      keepAliveMs: options.keepAliveMs,
    });
    const opening = Promise.resolve(createServer(sessionOf(body))).then(async (server) => {
      await server.connect(transport);
      return server;
    });
    const server = await withDeadline(opening, {
      timeoutMs: OPEN_TIMEOUT_MS,
      what: 'Making a server',
      onLate: () => void transport.close(),
    });
    const done = answer(transport, request, reply, body, sender);
    underWay.set(server, done);
    try {
      await done;
    } finally {
      await close(server);
    }
  }

  async function close(server: ServerLike): Promise<void> {
    underWay.delete(server);
    try {
      await server.close();
    } catch (error) {
      report(toAsyncMcpError(error, 'ERR_INTERNAL', 'The server of a request failed to close'));
    }
  }

  return {
    async handle(request, reply, sender) {
      const body = typeof request.body === 'string' ? readPostBody(request.body) : readPostBody('');
      if ('status' in body) {
        sendRefusal(reply, body);
        return reply;
      }
      const place = admission.enter(sender?.principal ?? 'anybody', body.messages.some(isRequest));
      if (typeof place === 'string') {
        sendRefusal(reply, tooMuch('server-full'));
        return reply;
      }
      try {
        await serve(request, reply, body, sender);
      } catch (error) {
        report(toAsyncMcpError(error, 'ERR_CREATE_SERVER', 'The server for a request could not be made'));
        const text = 'The request could not be handled for now; send it again later.';
        if (!reply.sent) sendRefusal(reply, httpRefusal(503, new AsyncMcpError('ERR_CREATE_SERVER', text)));
      } finally {
        place.settled();
      }
      return reply;
    },
    async close() {
      const all = Promise.allSettled(underWay.values());
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, drainTimeoutMs);
      });
      await Promise.race([all, late]);
      clearTimeout(timer);
      await Promise.all([...underWay.keys()].map(close));
    },
  };
}

async function answer(
  transport: WebStandardStreamableHTTPServerTransport,
  request: FastifyRequest,
  reply: FastifyReply,
  { messages, batched }: PostBody,
  sender: Authenticated | undefined,
): Promise<void> {
  const response = await transport.handleRequest(toWebRequest(request), {
    parsedBody: batched ? messages : messages[0],
    ...(sender !== undefined && { authInfo: sender.authInfo }),
  });
  await writeWebResponse(response, reply);
}

/** What there is to say of a session that is none. */
function sessionOf({ messages }: PostBody): SessionInfo {
  const now = Date.now();
  const initialize = messages.find(isInitialize);
  const nobody = { protocolVersion: '', capabilities: {}, clientInfo: { name: 'unknown', version: '' } };
  return {
    id: randomUUID(),
    replyTo: BY_CONNECTION,
    // What the SDK's own schema checks when the server handles it.
    initializeParams: (initialize?.params ?? nobody) as SessionInfo['initializeParams'],
    initialized: false,
    createdAt: now,
    lastSeenAt: now,
    resumed: false,
  };
}
