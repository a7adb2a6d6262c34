import { AsyncMcpError, TransientMap, toAsyncMcpError } from '@asyncmcp/core';
import { createResends, isLost, nextSend } from '@asyncmcp/webhook/parts';
import type { TransportSendOptions } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js';
import type { Logger } from '@asyncmcp/core';
import type { ServerAnswer } from '@asyncmcp/webhook/parts';
import type { ClientPosts, OpenPost } from './client-posts.js';

export interface ClientRequestsOptions {
  readonly posts: ClientPosts;
  /** Hands a message to the SDK's transport. */
  readonly send: (message: JSONRPCMessage, options?: TransportSendOptions) => Promise<void>;
  /** Answers a request in its server's place. */
  readonly answerWith: (id: RequestId, failure: AsyncMcpError) => Promise<void>;
  /** Told of what went wrong and may yet turn out well. */
  readonly failed: (error: AsyncMcpError) => void;
  readonly resendAfterMs: number;
  readonly closing: AbortSignal;
  readonly logger: Logger;
}

/** The requests of a client that are not answered yet: none waits for a server that has forgotten it. */
export interface ClientRequests {
  /** Sends a request; resolves when a server has taken it. */
  send(post: OpenPost, options: TransportSendOptions | undefined): Promise<void>;
  /** The connection of a request, which this server had taken, has ended or broken off. */
  onStreamClosed(id: RequestId, server: ServerAnswer): void;
  /** It is answered, or nobody waits for it any more. */
  answered(id: RequestId): void;
  close(): void;
}

/** A request that was sent and is not answered. */
interface OpenRequest {
  /** Another one each time it is posted again because its connection broke off. */
  post: OpenPost;
  /** Whether the SDK itself goes on where its connection breaks off. */
  resumable: boolean;
  /** Told of the events that it can go on after. */
  readonly onEvent: ((eventId: string) => void) | undefined;
}

/** How soon a request is posted again whose connection broke off before its answer, in milliseconds. */
const CUT_OFF_MS = 500;

export function createClientRequests(options: ClientRequestsOptions): ClientRequests {
  const { posts, send, answerWith, failed, closing, logger } = options;
  const open = new TransientMap<RequestId, OpenRequest>();
  const cutOff = new Set<NodeJS.Timeout>();
  // For those whose answer comes by webhook: no connection tells when their server is gone.
  const resends = createResends<OpenPost>({
    afterMs: options.resendAfterMs,
    post: (post) => postAgain(post),
    onFailed: resendFailed,
  });

  /** Notes where the answer to a request that was taken comes from. */
  function settle(id: RequestId): ServerAnswer {
    const taken = posts.takenBy(id);
    if (taken !== undefined) resends.taken(id, taken);
    // Its connection is what it hangs on, not the clock.
    else resends.answered(id);
    return taken ?? { attempt: undefined, takenBy: undefined };
  }

  async function postAgain(post: OpenPost, sendOptions?: TransportSendOptions): Promise<ServerAnswer> {
    const { id } = post.request;
    posts.begin(post);
    if (!(await posts.sendAhead(post))) await send(post.request, sendOptions);
    return posts.takenBy(id) ?? settle(id);
  }

  function optionsOf(entry: OpenRequest): TransportSendOptions {
    const { post } = entry;
    return {
      onresumptiontoken(eventId) {
        // It may be late, of a connection that was replaced.
        if (entry.post !== post) return;
        entry.resumable = true;
        entry.onEvent?.(eventId);
      },
    };
  }

  /** Does something about a request whose connection broke off, unless it is answered in that time. */
  function whenStillOpen(entry: OpenRequest, delayMs: number, act: () => void): void {
    const { post } = entry;
    const timer = setTimeout(() => {
      cutOff.delete(timer);
      if (open.get(post.request.id) === entry && entry.post === post) act();
    }, delayMs).unref();
    cutOff.add(timer);
  }

  function goOn(entry: OpenRequest, server: ServerAnswer): void {
    const { resumable, post } = entry;
    if (server.takenBy === undefined) {
      if (!resumable) failed(notSentAgain(post.request.id));
      return;
    }
    if (!resumable) return void sendCutOff(entry, server);
    // The SDK goes on with it. But where its server was killed, nothing comes on that connection, or there is none to be had.
    const { resendAfterMs } = options;
    if (resendAfterMs > 0) whenStillOpen(entry, resendAfterMs, () => void sendCutOff(entry, server));
  }

  /** The server absorbs it if it works on it, answers again if it has answered, and does it if it has forgotten it. */
  async function sendCutOff(entry: OpenRequest, server: ServerAnswer): Promise<void> {
    const { id } = entry.post.request;
    entry.post = nextSend(entry.post, server);
    entry.resumable = false;
    logger.debug({ id }, 'a connection broke off before its answer; the request is posted again');
    try {
      await postAgain(entry.post, optionsOf(entry));
    } catch (error) {
      const failure = toAsyncMcpError(error, 'ERR_UNAVAILABLE', 'A request could not be sent again');
      if (open.has(id) && !closing.aborted) await answerWith(id, failure);
    }
  }

  /**
   * Two refusals say that nobody works on a request any more, and its caller gets them. Whatever else goes wrong, an expired token, say,
   * the reply may still come.
   */
  async function resendFailed(id: RequestId, error: unknown): Promise<'go on' | 'stop'> {
    const failure = toAsyncMcpError(error, 'ERR_UNAVAILABLE', 'A request could not be sent again');
    if (closing.aborted) return 'stop';
    if (!isLost(failure)) {
      failed(failure);
      return 'go on';
    }
    await answerWith(id, failure);
    return 'stop';
  }

  return {
    async send(post, sendOptions) {
      const { request } = post;
      const entry: OpenRequest = { post, resumable: false, onEvent: sendOptions?.onresumptiontoken };
      open.set(request.id, entry);
      posts.begin(post);
      resends.sending(request.id, post);
      // Where the SDK goes on after an event, it posts nothing.
      const isAhead = sendOptions?.resumptionToken === undefined && (await posts.sendAhead(post));
      if (!isAhead) await send(request, { ...sendOptions, ...optionsOf(entry) });
      settle(request.id);
    },
    onStreamClosed(id, server) {
      const entry = open.get(id);
      // It may have been answered: what came last is still on its way through the SDK.
      if (entry !== undefined && !closing.aborted) whenStillOpen(entry, CUT_OFF_MS, () => goOn(entry, server));
    },
    answered(id) {
      resends.answered(id);
      posts.end(id);
      open.delete(id);
    },
    close() {
      resends.close();
      for (const timer of cutOff) clearTimeout(timer);
    },
  };
}

/** A server that does not name itself does not know copies either: it would do what is asked a second time. */
function notSentAgain(id: RequestId): AsyncMcpError {
  const text = `The connection of request ${id} broke off before its answer, which could only come by webhook now. The server does not say that it knows copies of a request: it was not sent again.`;
  return new AsyncMcpError('ERR_UNAVAILABLE', text, { details: { requestId: id } });
}
