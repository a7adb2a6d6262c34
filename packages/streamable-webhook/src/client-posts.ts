import { AsyncMcpError, isRecord, isRequestId } from '@asyncmcp/core';
import { Header, StreamableHeader, againHeaders, parseAnswer, readYes, sendUntilTaken } from '@asyncmcp/webhook/parts';
import type { Logger } from '@asyncmcp/core';
import type { PostAnswer, Resendable, ServerAnswer } from '@asyncmcp/webhook/parts';
import type { JSONRPCRequest, RequestId } from '@modelcontextprotocol/sdk/types.js';
import type { Fetch } from './client-fetch.js';

/** A request that is being sent, and may have to be sent again. */
export interface OpenPost extends Resendable {
  readonly request: JSONRPCRequest;
  /** The same each time it is sent. */
  readonly messageId: string;
}

export interface PostsOptions {
  readonly fetch: Fetch;
  readonly serverUrl: URL;
  readonly clientId: string;
  readonly userHeaders: (() => Promise<Readonly<Record<string, string>>>) | undefined;
  readonly retryForMs: number;
  /** Whether a 401 or 403 is for the SDK, which can do something about it. */
  readonly handlesAuth: boolean;
  readonly logger: Logger;
  readonly closing: AbortSignal;
}

/** What becomes of a request that was posted. */
export type PostOutcome =
  /** The answer comes by webhook. */
  | { readonly kind: 'by-webhook'; readonly answer: ServerAnswer }
  /** The answer comes over the connection. */
  | { readonly kind: 'by-connection'; readonly response: Response };

/** The POSTs of one client transport: retried under one message id where nobody has taken them, and watched for what they come to. */
export interface ClientPosts {
  /** For the SDK's transport. */
  readonly fetch: Fetch;
  /** A request is about to be handed to the SDK's transport. */
  begin(post: OpenPost): void;
  /** What has become of it; undefined while nobody has taken it. */
  outcomeOf(id: RequestId): PostOutcome | undefined;
  /** It is answered, or nobody waits for it any more. */
  end(id: RequestId): void;
}

interface ServerResponse extends PostAnswer {
  readonly response: Response;
}

export function createClientPosts(options: PostsOptions): ClientPosts {
  const { serverUrl, clientId, userHeaders, handlesAuth } = options;
  const open = new Map<RequestId, { post: OpenPost; outcome?: PostOutcome }>();
  const target = serverUrl.origin + serverUrl.pathname;

  async function tryOnce(
    init: RequestInit,
    messageId: string | undefined,
    again: Record<string, string>,
  ): Promise<ServerResponse> {
    const headers = new Headers(init.headers);
    const own = { ...(await userHeaders?.()), ...again, [Header.clientId]: clientId };
    for (const [name, value] of Object.entries(own)) headers.set(name, value);
    if (messageId !== undefined) headers.set(Header.messageId, messageId);
    const response = await options.fetch(serverUrl, { ...init, headers });
    // Of a stream, the SDK is the reader.
    const whole = response.status !== 200;
    const body = whole ? parseAnswer(await response.text()) : undefined;
    return { status: response.status, retryAfter: response.headers.get('retry-after') ?? undefined, body, response };
  }

  /** Such an answer is for the SDK to deal with; anything else but a yes is retried or thrown. */
  function isForSdk({ status, response }: ServerResponse): boolean {
    return (status === 401 || status === 403) && handlesAuth && response.headers.has('www-authenticate');
  }

  async function post(init: RequestInit, id: RequestId | undefined): Promise<Response> {
    const entry = id === undefined ? undefined : open.get(id);
    const { messageId, attempt = 1, takenBy } = entry?.post ?? {};
    let forSdk: Response | undefined;
    const answer = await sendUntilTaken<ServerResponse>(
      {
        target,
        inSession: new Headers(init.headers).has(StreamableHeader.sessionId),
        attempt,
        takenBy,
        async tryOnce(nth, process) {
          const tried = await tryOnce(init, messageId, againHeaders(nth, process));
          if (!isForSdk(tried)) return tried;
          forSdk = emptied(tried.response);
          return { ...tried, status: 200 };
        },
      },
      options,
    );
    if (forSdk !== undefined) return forSdk;
    const accepted = answer.status === 202;
    if (entry !== undefined) {
      entry.outcome = accepted
        ? { kind: 'by-webhook', answer: readYes(answer) }
        : { kind: 'by-connection', response: answer.response };
    }
    return accepted ? emptied(answer.response) : answer.response;
  }

  async function send(init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    const own = { ...(await userHeaders?.()), [Header.clientId]: clientId };
    for (const [name, value] of Object.entries(own)) headers.set(name, value);
    return options.fetch(serverUrl, { ...init, headers });
  }

  return {
    fetch: async (url, init = {}) => {
      if (new URL(url).href !== serverUrl.href) return options.fetch(url, init);
      if (init.method === 'POST') return post(init, idIn(init.body));
      return send(init);
    },
    begin: (opened) => void open.set(opened.request.id, { post: opened }),
    outcomeOf: (id) => open.get(id)?.outcome,
    end: (id) => void open.delete(id),
  };
}

/** An answer whose body was read. */
function emptied({ status, headers }: Response): Response {
  const kept = new Headers(headers);
  kept.delete('content-length');
  return new Response(null, { status, headers: kept });
}

/** The id of the request that the SDK has written. */
function idIn(body: unknown): RequestId | undefined {
  if (typeof body !== 'string') throw new AsyncMcpError('ERR_INTERNAL', 'The MCP SDK sent a message that is no text.');
  const message: unknown = JSON.parse(body);
  const isCall = isRecord(message) && 'method' in message;
  return isCall && isRequestId(message['id']) ? message['id'] : undefined;
}
