import { AsyncMcpError, isAsyncMcpError, isResponse } from '@asyncmcp/core';
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js';
import type { Envelope, Logger, ReplyPort, SessionRecord } from '@asyncmcp/core';
import type { SessionChannels } from './session-channels.js';

/** The reply address of a session that has given no webhook: everything goes over its connections. */
export const BY_CONNECTION = 'connection';

/** The ways of a message (`Envelope.via`) other than over the connection. */
export const Via = {
  /** A call of a webhook tool, and all that belongs to it. */
  webhook: 'webhook',
  /** `initialize`, which has no session yet when it comes, and so no connection of one. */
  opening: 'opening',
} as const;

const DONE = Promise.resolve();

/** Somebody who waits for the answer to an `initialize`. */
export interface Opening {
  readonly id: RequestId;
  readonly answer: (message: JSONRPCMessage) => void;
}

export interface RoutingReplyPortOptions {
  readonly webhooks: ReplyPort;
  readonly channels: SessionChannels;
  /** Those who wait for the answer to the `initialize` of a session. */
  readonly openings: (sessionId: string) => readonly Opening[];
  /** Told of a session whose tools have changed. */
  readonly onToolsChanged: (sessionId: string) => void;
  readonly logger: Logger;
}

/** The ways out of a server: what belongs to a call of a webhook tool goes by webhook, all else over the session's connections. */
export function createRoutingReplyPort(options: RoutingReplyPortOptions): ReplyPort {
  const { webhooks, channels, openings, onToolsChanged, logger } = options;

  function sendOverConnection({ message, sessionId = '', relatedRequestId }: Envelope): Promise<void> {
    const channel = channels.get(sessionId);
    if (channel !== undefined) return channel.send(message, relatedRequestId);
    if ('id' in message) {
      const text = `Session ${sessionId} has no connection to this process over which its client could be reached.`;
      return Promise.reject(new AsyncMcpError('ERR_DESTINATION_GONE', text, { details: { sessionId } }));
    }
    logger.debug({ sessionId }, 'nobody listens to a notification');
    return DONE;
  }

  /** What has no connection to go over reaches a client that has given a webhook there: it takes it either way. */
  async function sendEitherWay(address: string, envelope: Envelope, session?: SessionRecord): Promise<void> {
    try {
      await sendOverConnection(envelope);
    } catch (error) {
      if (!isAsyncMcpError(error, 'ERR_DESTINATION_GONE') || !('id' in envelope.message)) throw error;
      await webhooks.send(address, envelope, session);
    }
  }

  return {
    send(address, envelope, session) {
      const { via, message, sessionId = '' } = envelope;
      if (via === Via.opening && isResponse(message)) {
        for (const { id, answer } of openings(sessionId)) if (id === message.id) answer(message);
        return DONE;
      }
      if ('method' in message && message.method === 'notifications/tools/list_changed') onToolsChanged(sessionId);
      if (via === Via.webhook) return webhooks.send(address, envelope, session);
      return address === BY_CONNECTION ? sendOverConnection(envelope) : sendEitherWay(address, envelope, session);
    },
    addressOf: (params) => webhooks.addressOf(params) ?? BY_CONNECTION,
    allows: async (address, info) => address === BY_CONNECTION || webhooks.allows(address, info),
  };
}
