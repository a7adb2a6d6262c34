import { randomUUID } from 'node:crypto';
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';
import {
  AsyncMcpError,
  JsonRpcErrorCode,
  errorResponse,
  isRequest,
  isResponse,
  toAsyncMcpError,
  withDeadline,
} from '@asyncmcp/core';
import { httpRefusal, sendRefusal, tooMuch } from '@asyncmcp/webhook/parts';
import { toWebRequest, writeWebResponse } from './http-bridge.js';
import { isInitialize, readPostBody } from './post-body.js';
import { BY_CONNECTION } from './reply-port.js';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { CreateServer, ServerLike, SessionInfo } from '@asyncmcp/core';
import type { Admission, Authenticated } from '@asyncmcp/webhook/parts';
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js';
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

/** How long those who are told that their calls were not done have to hear it, in milliseconds. */
const LAST_WORDS_MS = 1000;

export function createStatelessPosts(options: StatelessOptions): StatelessPosts {
  const { createServer, admission, drainTimeoutMs, report } = options;
  const underWay = new Map<OnePostTransport, Promise<void>>();

  async function serve(
    transport: OnePostTransport,
    request: FastifyRequest,
    reply: FastifyReply,
    body: PostBody,
    sender: Authenticated | undefined,
  ): Promise<void> {
    const opening = Promise.resolve(createServer(sessionOf(body))).then(async (server) => {
      await server.connect(transport);
      return server;
    });
    const server = await withDeadline(opening, {
      timeoutMs: OPEN_TIMEOUT_MS,
      what: 'Making a server',
      onLate: () => void transport.close(),
    });
    try {
      await answer(transport, request, reply, body, sender);
    } finally {
      await close(server);
    }
  }

  async function close(server: ServerLike): Promise<void> {
    try {
      await server.close();
    } catch (error) {
      report(toAsyncMcpError(error, 'ERR_INTERNAL', 'The server of a request failed to close'));
    }
  }

  /** Waits for what is under way; for as long as this at the most. */
  async function allDone(timeoutMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    await Promise.race([Promise.allSettled(underWay.values()), late]);
    clearTimeout(timer);
  }

  return {
    async handle(request, reply, sender) {
      const body = readPostBody(request.body);
      if ('status' in body) {
        sendRefusal(reply, body);
        return reply;
      }
      const place = admission.enter(sender?.principal ?? 'anybody', body.messages.some(isRequest));
      if (typeof place === 'string') {
        sendRefusal(reply, tooMuch('server-full'));
        return reply;
      }
      const transport = new OnePostTransport(options, body.messages);
      const serving = serve(transport, request, reply, body, sender);
      underWay.set(transport, serving);
      try {
        await serving;
      } catch (error) {
        report(toAsyncMcpError(error, 'ERR_CREATE_SERVER', 'The server for a request could not be made'));
        const text = 'The request could not be handled for now; send it again later.';
        const refusal = httpRefusal(503, new AsyncMcpError('ERR_CREATE_SERVER', text), { 'retry-after': '1' });
        if (!reply.sent) sendRefusal(reply, refusal);
      } finally {
        underWay.delete(transport);
        place.settled();
      }
      return reply;
    },
    async close() {
      await allDone(drainTimeoutMs);
      if (underWay.size === 0) return;
      await Promise.all([...underWay.keys()].map((transport) => transport.giveUp()));
      await allDone(LAST_WORDS_MS);
      await Promise.all([...underWay.keys()].map((transport) => transport.close()));
    },
  };
}

/** The SDK's transport, for one POST; it knows what of it was not answered. */
class OnePostTransport extends WebStandardStreamableHTTPServerTransport {
  readonly #unanswered: Set<RequestId>;

  constructor({ jsonResponse, keepAliveMs }: StatelessOptions, messages: readonly JSONRPCMessage[]) {
    super({ enableJsonResponse: jsonResponse, keepAliveMs });
    this.#unanswered = new Set(messages.filter(isRequest).map(({ id }) => id));
  }

  override send(...args: Parameters<WebStandardStreamableHTTPServerTransport['send']>): Promise<void> {
    const [message] = args;
    if (isResponse(message) && message.id !== undefined) this.#unanswered.delete(message.id);
    return super.send(...args);
  }

  /** Tells who waits that the call was not done: at the end of a stream alone, clients would wait on. */
  async giveUp(): Promise<void> {
    const error = new AsyncMcpError('ERR_CLOSED', 'The server shut down before the call was done; call again.');
    for (const id of this.#unanswered) {
      // Who has gone needs no answer.
      await this.send(errorResponse(id, JsonRpcErrorCode.internalError, error)).catch(() => {});
    }
  }
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
