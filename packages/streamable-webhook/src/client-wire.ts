import { setMaxListeners } from 'node:events';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { AsyncMcpError, createDelivery, createMetadata, isRecord, isRequest, toAsyncMcpError } from '@asyncmcp/core';
import { StreamableHeader, isMethodNotFound, refusalDelivery, sessionLost } from '@asyncmcp/webhook/parts';
import { createClientPosts } from './client-posts.js';
import { createClientRequests } from './client-requests.js';
import { createAgentExchange, createFetchExchange } from './client-exchange.js';
import type { OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js';
import type { StreamableHTTPReconnectionOptions } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { TransportSendOptions } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js';
import type { ClientWire, ClientWireEvents, Delivery, Envelope, Logger } from '@asyncmcp/core';
import type { Attachment, WebhookReceiver } from '@asyncmcp/webhook';
import type { ConnectionOptions } from 'node:tls';
import type { Fetch } from './client-exchange.js';

export interface StreamableWireOptions {
  readonly clientId: string;
  readonly sessionId: () => string | undefined;
  readonly serverUrl: URL;
  readonly webhookUrl: string;
  readonly receiver: WebhookReceiver;
  readonly headers: (() => Promise<Readonly<Record<string, string>>>) | undefined;
  readonly authProvider: OAuthClientProvider | undefined;
  readonly fetch: Fetch | undefined;
  readonly reconnectionOptions: StreamableHTTPReconnectionOptions | undefined;
  readonly retryForMs: number;
  readonly resendAfterMs: number;
  readonly tls: Pick<ConnectionOptions, 'ca' | 'cert' | 'key'> | undefined;
  readonly logger: Logger;
}

/** The way of a client to its server over Streamable HTTP, and two ways back. */
export interface StreamableWire extends ClientWire {
  /** The SDK's transport, for what it can do beside. */
  readonly http: StreamableHTTPClientTransport;
}

export function createStreamableWire(options: StreamableWireOptions): StreamableWire {
  const { serverUrl, receiver, clientId, sessionId, logger, authProvider, reconnectionOptions } = options;
  const closing = new AbortController();
  // Whatever waits to be sent again listens to it.
  setMaxListeners(0, closing.signal);
  const exchange =
    options.fetch === undefined
      ? createAgentExchange({ serverUrl, tls: options.tls })
      : createFetchExchange(options.fetch, serverUrl);
  const posts = createClientPosts({
    exchange,
    otherFetch: options.fetch ?? fetch,
    onStreamClosed: (id, server) => requests.onStreamClosed(id, server),
    serverUrl,
    clientId,
    userHeaders: options.headers,
    mcpHeaders,
    retryForMs: options.retryForMs,
    handlesAuth: authProvider !== undefined,
    reopensStreams: reconnectionOptions === undefined,
    failed: (error) => events?.failed(error),
    logger,
    closing: closing.signal,
  });
  const http = new StreamableHTTPClientTransport(serverUrl, {
    fetch: posts.fetch,
    ...(authProvider !== undefined && { authProvider }),
    ...(reconnectionOptions !== undefined && { reconnectionOptions }),
  });
  /** Errors that the SDK throws and reports, some of them twice: who is thrown at needs no report, and one is enough. */
  const thrown = new WeakSet<object>();
  let attachment: Attachment | undefined;
  let events: ClientWireEvents | undefined;
  let protocolVersion: string | undefined;
  let closed: Promise<void> | undefined;
  const requests = createClientRequests({
    posts,
    send,
    answerWith,
    failed: (error) => events?.failed(error),
    resendAfterMs: options.resendAfterMs,
    closing: closing.signal,
    logger,
  });

  /** Those of a POST in a session. Which token goes with it only the SDK knows, where it is asked for them. */
  function mcpHeaders(): Record<string, string> | undefined {
    if (http.sessionId === undefined || authProvider !== undefined) return undefined;
    return {
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      [StreamableHeader.sessionId]: http.sessionId,
      ...(protocolVersion !== undefined && { [StreamableHeader.protocolVersion]: protocolVersion }),
    };
  }

  http.onmessage = (message) => void events?.receive(deliveryOf(message));
  http.onerror = (error) => {
    setImmediate(() => {
      if (!thrown.has(error) && !closing.signal.aborted) {
        thrown.add(error);
        events?.failed(toAsyncMcpError(error, 'ERR_UNAVAILABLE', 'Streamable HTTP'));
      }
    });
  };

  /** What came over a connection of ours is for us. */
  function deliveryOf(message: JSONRPCMessage): Delivery {
    const metadata = createMetadata({ clientId, sessionId: http.sessionId });
    const done = async (): Promise<void> => {};
    const envelope = { ...metadata, type: 'jsonrpc' as const, extended: true, body: '', message };
    return createDelivery(envelope, 1, { ack: done, retry: done, reject: done });
  }

  async function send(message: JSONRPCMessage, sendOptions?: TransportSendOptions): Promise<void> {
    try {
      const { resumptionToken, onresumptiontoken } = sendOptions ?? {};
      await http.send(message, {
        ...(resumptionToken !== undefined && { resumptionToken }),
        ...(onresumptiontoken !== undefined && { onresumptiontoken }),
      });
    } catch (error) {
      if (error instanceof Error) thrown.add(error);
      throw error;
    }
  }

  async function answerWith(id: RequestId, failure: AsyncMcpError): Promise<void> {
    await events?.receive(refusalDelivery(clientId, id, failure));
  }

  async function publish(envelope: Envelope, sendOptions?: TransportSendOptions): Promise<void> {
    const { message, messageId } = envelope;
    if (envelope.protocolVersion !== undefined && envelope.protocolVersion !== protocolVersion) {
      protocolVersion = envelope.protocolVersion;
      http.setProtocolVersion(protocolVersion);
    }
    try {
      if (isRequest(message)) await requests.send({ request: message, messageId, attempt: 1 }, sendOptions);
      else await send(message, sendOptions);
    } catch (error) {
      // Whoever waits for an answer hears of the closing first, as on any transport.
      if (closing.signal.aborted) await closed;
      closing.signal.throwIfAborted();
      if (isRequest(message) && isMethodNotFound(error)) return answerWith(message.id, error);
      throw sessionLost(error, envelope.sessionId) ?? error;
    }
  }

  async function close(): Promise<void> {
    closing.abort(new AsyncMcpError('ERR_CLOSED', 'The transport was closed before the server took the message.'));
    requests.close();
    attachment?.detach();
    await http.close();
    await exchange.close();
  }

  return {
    http,
    async open(opened) {
      events = opened;
      attachment = receiver.attach({ clientId, sessionId, events: opened });
      await http.start();
      return options.webhookUrl;
    },
    publish,
    publishTo: (_address, envelope) => publish(envelope),
    answered: (id) => requests.answered(id),
    // Answers go where everything goes: the session's server finds who asked.
    allowsAddress: () => false,
    async terminate() {
      try {
        await http.terminateSession();
      } catch (error) {
        if (error instanceof Error) thrown.add(error);
        closing.signal.throwIfAborted();
        throw error;
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
