import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AsyncMcpError, InboundEnvelope, ReplyPort, SessionHost } from '@asyncmcp/core';
import type { Admission, Authenticated, Inbox, Place, SendReceipt } from '@asyncmcp/webhook/parts';
import type { JSONRPCMessage, JSONRPCRequest, MessageExtraInfo } from '@modelcontextprotocol/sdk/types.js';
import type { Openings } from './openings.js';
import type { PostBody } from './post-body.js';
import type { SessionChannels } from './session-channels.js';
import type { WebhookToolChoice } from './webhook-tools.js';

export interface PostOptions {
  readonly host: SessionHost;
  readonly inbox: Inbox;
  readonly admission: Admission;
  readonly channels: SessionChannels;
  readonly openings: Openings;
  readonly choice: WebhookToolChoice;
  readonly replyPort: ReplyPort;
  /** Whether requests are answered with JSON instead of a stream. */
  readonly jsonResponse: boolean;
  /** Names this process to clients that post a request again. */
  readonly serverId: string;
  readonly sendReceipt: SendReceipt;
  readonly report: (error: AsyncMcpError) => void;
}

/** A POST, and whose it is. */
export interface Post {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly sender: Authenticated | undefined;
  readonly metadata: InboundEnvelope;
  /** What handlers are told of the way its messages came. */
  readonly extra: MessageExtraInfo;
  readonly body: PostBody;
}

/** A message of a POST, with a place in the works. */
export interface Entered<Message extends JSONRPCMessage = JSONRPCMessage> {
  readonly message: Message;
  readonly place: Place;
}

/** The messages of a batch, by what is done with them. */
export interface Parted {
  /** Calls of webhook tools. */
  readonly byWebhook: Entered<JSONRPCRequest>[];
  readonly overConnection: Entered<JSONRPCRequest>[];
  /** What needs no answer. */
  readonly unanswered: Entered[];
}
