import {
  AsyncMcpError,
  JsonRpcErrorCode,
  createEnvelope,
  errorResponse,
  isRequest,
  parsedMessage,
  toAsyncMcpError,
} from '@asyncmcp/core';
import { createGuardedAgent } from './guarded-agent.js';
import { createWebhookReplyPort } from './server-reply-port.js';
import { createUrlGuard } from './url-guard.js';
import { createWebhookSender } from './webhook-sender.js';
import type { InboundEnvelope, Logger, ReplyPort, SessionRecord } from '@asyncmcp/core';
import type { EncodeHeaders } from './delivery-message.js';
import type { GuardedAgentOptions } from './guarded-agent.js';
import type { UrlGuardOptions } from './url-guard.js';
import type { UndeliveredWebhook } from './webhook-sender.js';

/** How a server sends webhooks. */
export interface WebhookDeliveryOptions extends UrlGuardOptions {
  /** Own certificate authorities, and a certificate to show to endpoints that ask. Default: those of Node, and none. */
  readonly tls?: GuardedAgentOptions['tls'];
  /** No further try of a message begins this long after it was to be sent, in milliseconds. */
  readonly deliverForMs: number;
  /** How long an endpoint may take to answer one try, in milliseconds. */
  readonly deliveryTimeoutMs: number;
  /** Most messages of one session in the works; `send()` beyond that waits. */
  readonly maxQueuedPerSession: number;
  /** The record of a session, which holds the secret that its webhooks are signed with. */
  readonly recordOf: (sessionId: string) => Promise<SessionRecord | undefined>;
  /** Told of each message that was given up, with the whole of it. */
  readonly onundelivered: (failure: UndeliveredWebhook) => void;
  /** Told of a session whose endpoint says that it is gone for good (410). */
  readonly onGone: (sessionId: string) => void;
  /** Told of what fails beside a delivery. */
  readonly report: (error: AsyncMcpError) => void;
  /** What stands beside a message on its way. Default: the headers of the webhook transport. */
  readonly encodeHeaders?: EncodeHeaders | undefined;
  /** Told of what is tried again, and given up. */
  readonly logger: Logger;
}

/** All that a server needs to send webhooks: the way out, and what is shared by those who use it. */
export interface WebhookDelivery {
  /** Sends the host's replies. */
  readonly replyPort: ReplyPort;
  /**
   * For a call that is neither done nor can be tried again here. A client of this project posts it again, to the next server; any
   * other waits for an answer, and gets this one. Never rejects.
   */
  tellNotDone(envelope: InboundEnvelope): Promise<void>;
  /** Lets go out what was taken, for up to `drainMs` milliseconds, and frees everything. */
  close(drainMs: number): Promise<void>;
}

/** How long a close lets the last webhooks go out, in milliseconds, even if calls took all of the time. */
const LAST_WEBHOOKS_MS = 2000;

/** More than one endpoint may use at once (64), so that one that hangs leaves room for others of the same origin. */
const CONNECTIONS_PER_ORIGIN = 256;

/**
 * Sends webhooks, over connections of its own until it is closed.
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION`
 */
export function createWebhookDelivery(options: WebhookDeliveryOptions): WebhookDelivery {
  const { allowWebhookUrl, allowedPorts, lookup, tls, recordOf, onundelivered, onGone, report, logger } = options;
  const guard = createUrlGuard({ allowWebhookUrl, allowedPorts, lookup });
  const agent = createGuardedAgent(guard, {
    responseTimeoutMs: options.deliveryTimeoutMs,
    connectionsPerOrigin: CONNECTIONS_PER_ORIGIN,
    tls,
  });
  const sender = createWebhookSender({
    guard,
    agent,
    retryForMs: options.deliverForMs,
    maxQueuedPerSession: options.maxQueuedPerSession,
    encodeHeaders: options.encodeHeaders,
    onundelivered(failure) {
      const { error, envelope } = failure;
      if (error.code === 'ERR_DESTINATION_GONE' && envelope.sessionId !== undefined) onGone(envelope.sessionId);
      return onundelivered(failure);
    },
    logger,
  });
  const replyPort = createWebhookReplyPort({ guard, sender, recordOf, onundelivered, logger });

  return {
    replyPort,
    async tellNotDone(envelope) {
      const { extended, sessionId, clientId } = envelope;
      if (extended || sessionId === undefined) return;
      // Not as it stands beside the message: there every id is text, and some cannot stand at all.
      const parsed = parsedMessage(envelope);
      if (!parsed.ok || !isRequest(parsed.message)) return;
      const error = new AsyncMcpError('ERR_CLOSED', 'The server shut down before the call was done; call again.');
      const message = errorResponse(parsed.message.id, JsonRpcErrorCode.internalError, error);
      try {
        const record = await recordOf(sessionId);
        if (record === undefined) return;
        await replyPort.send(record.replyTo, createEnvelope(message, { sessionId, clientId }));
      } catch (failure) {
        report(toAsyncMcpError(failure, 'ERR_UNAVAILABLE', `The client of session ${sessionId} could not be told`));
      }
    },
    async close(drainMs) {
      await sender.close(Math.max(LAST_WEBHOOKS_MS, drainMs));
      await agent.destroy();
    },
  };
}
