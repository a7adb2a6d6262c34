import { AsyncMcpError, isAsyncMcpError, isRecord, isRequest, messageText, toAsyncMcpError } from '@asyncmcp/core';
import { setMaxListeners } from 'node:events';
import { Agent } from 'undici';
import { encodeHeaders, encodeMetadata } from './http-wire.js';
import { createResends } from './client-resends.js';
import { createServerPost, readYes } from './client-post.js';
import { isLost, isMethodNotFound, refusalDelivery, sessionLost } from './client-refusals.js';
import type { ClientWire, ClientWireEvents, Envelope, Logger } from '@asyncmcp/core';
import type { RequestId } from '@modelcontextprotocol/sdk/types.js';
import type { TlsOptions } from './tls-option.js';
import type { Attachment, WebhookReceiver } from './receiver.js';
import type { ServerAnswer, ServerRequest } from './client-post.js';

export interface ClientWireOptions {
  readonly clientId: string;
  readonly sessionId: () => string | undefined;
  readonly serverUrl: URL;
  readonly webhookUrl: string;
  readonly receiver: WebhookReceiver;
  readonly headers: (() => Promise<Readonly<Record<string, string>>>) | undefined;
  readonly retryForMs: number;
  readonly requestTimeoutMs: number;
  readonly resendAfterMs: number;
  readonly allowsAddress: (url: string) => boolean;
  readonly tls: TlsOptions | undefined;
  readonly logger: Logger;
}

/** Most connections of one transport to its server; what comes then waits for one. */
const CONNECTIONS = 64;
const CONNECT_TIMEOUT_MS = 10_000;
/** Shorter than the server keeps them: who closes first need not be told that the other has. */
const KEEP_ALIVE_MS = 5000;
const MAX_ANSWER_BYTES = 65_536;
/** How long a close lets what is being sent finish, in milliseconds. */
const FINISH_MS = 2000;

/** The way of a webhook client to its server and back. */
export function createClientWire(options: ClientWireOptions): ClientWire {
  const { serverUrl, receiver, clientId, sessionId, logger } = options;
  const server = targetOf(serverUrl);
  const closing = new AbortController();
  // Whatever waits to be sent again listens to it.
  setMaxListeners(0, closing.signal);
  const agent = createAgent(options);
  const post = createServerPost({
    agent,
    logger,
    userHeaders: options.headers,
    retryForMs: options.retryForMs,
    closing: closing.signal,
  });
  const underWay = new UnderWay();
  let attachment: Attachment | undefined;
  let events: ClientWireEvents | undefined;
  let closed: Promise<void> | undefined;
  const resends = createResends<ServerRequest>({
    afterMs: options.resendAfterMs,
    post: postAgain,
    onFailed: resendFailed,
  });

  async function postAgain(request: ServerRequest): Promise<ServerAnswer> {
    underWay.begin();
    try {
      return readYes(await post(request));
    } finally {
      underWay.end();
    }
  }

  async function publishTo(target: Target, envelope: Envelope): Promise<void> {
    const { message } = envelope;
    const request = requestOf(target, envelope);
    if (isRequest(message)) resends.sending(message.id, request);
    underWay.begin();
    try {
      const answer = await post(request);
      if (isRequest(message)) resends.taken(message.id, readYes(answer));
    } catch (error) {
      if (isRequest(message) && isMethodNotFound(error)) return await answerWith(message.id, error);
      throw sessionLost(error, envelope.sessionId) ?? error;
    } finally {
      underWay.end();
    }
  }

  /**
   * Two refusals say that nobody works on a request any more, and its caller gets them. Whatever else goes wrong, an expired token, say,
   * the reply may still come.
   */
  async function resendFailed(id: RequestId, error: unknown): Promise<'go on' | 'stop'> {
    const failure = toAsyncMcpError(error, 'ERR_UNAVAILABLE', 'A request could not be sent again');
    if (closing.signal.aborted) return 'stop';
    if (!isLost(failure)) {
      events?.failed(failure);
      return 'go on';
    }
    await answerWith(id, failure);
    return 'stop';
  }

  /** Hands a request the server's refusal as if it had come by webhook. */
  async function answerWith(id: RequestId, failure: AsyncMcpError): Promise<void> {
    await events?.receive(refusalDelivery(clientId, id, failure));
  }

  async function close(): Promise<void> {
    closing.abort(new AsyncMcpError('ERR_CLOSED', 'The transport was closed before the server took the message.'));
    resends.close();
    attachment?.detach();
    await underWay.ended(FINISH_MS);
    await agent.destroy();
  }

  return {
    async open(opened) {
      events = opened;
      attachment = receiver.attach({ clientId, sessionId, events: opened });
      return options.webhookUrl;
    },
    publish: (envelope) => publishTo(server, envelope),
    publishTo: (address, envelope) => publishTo(targetOf(new URL(address)), envelope),
    answered: (id) => resends.answered(id),
    allowsAddress: options.allowsAddress,
    async terminate(metadata) {
      const headers = withoutType(encodeMetadata(metadata));
      underWay.begin();
      try {
        await post({ method: 'DELETE', ...server, headers, attempt: 1 });
      } catch (error) {
        // It has ended already.
        if (!isAsyncMcpError(error, 'ERR_SESSION_NOT_FOUND')) throw error;
      } finally {
        underWay.end();
      }
    },
    withReplyAddress(params, webhookUrl) {
      const meta = params['_meta'];
      const secret = attachment?.secret;
      const _meta = {
        ...(isRecord(meta) ? meta : {}),
        webhookUrl,
        ...(secret !== undefined && { webhookSecret: secret }),
      };
      return { ...params, _meta };
    },
    close: () => (closed ??= close()),
  };
}

function createAgent({ requestTimeoutMs, tls = {} }: ClientWireOptions): Agent {
  const { ca, cert, key } = tls;
  return new Agent({
    pipelining: 1,
    connections: CONNECTIONS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    headersTimeout: requestTimeoutMs,
    bodyTimeout: requestTimeoutMs,
    maxResponseSize: MAX_ANSWER_BYTES,
    connect: {
      timeout: Math.min(CONNECT_TIMEOUT_MS, requestTimeoutMs),
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
    },
  });
}

type Target = Pick<ServerRequest, 'origin' | 'path'>;

function targetOf({ origin, pathname, search }: URL): Target {
  return { origin, path: pathname + search };
}

function requestOf({ origin, path }: Target, envelope: Envelope): ServerRequest {
  try {
    const body = messageText(envelope);
    return { method: 'POST', origin, path, headers: encodeHeaders(envelope), body, attempt: 1 };
  } catch (error) {
    throw toAsyncMcpError(error, 'ERR_MESSAGE_INVALID', 'The message cannot be written as JSON');
  }
}

/** A DELETE has no body. */
function withoutType({ 'content-type': _type, ...headers }: Record<string, string>): Record<string, string> {
  return headers;
}

/** Counts what is being sent, for a close to wait for. */
class UnderWay {
  #count = 0;
  #onNone = (): void => {};

  begin(): void {
    this.#count++;
  }

  end(): void {
    if (--this.#count === 0) this.#onNone();
  }

  /** Resolves when nothing is being sent, or when time is up. */
  async ended(withinMs: number): Promise<void> {
    if (this.#count === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.#onNone = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
