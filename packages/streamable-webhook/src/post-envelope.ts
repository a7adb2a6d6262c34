import { randomUUID } from 'node:crypto';
import { isRequest } from '@asyncmcp/core';
import { decodeHeaders } from '@asyncmcp/webhook/parts';
import type { FastifyRequest } from 'fastify';
import type { InboundEnvelope } from '@asyncmcp/core';
import type { Authenticated } from '@asyncmcp/webhook/parts';
import type { JSONRPCMessage, MessageExtraInfo, RequestId } from '@modelcontextprotocol/sdk/types.js';
import type { PostBody } from './post-body.js';

/**
 * What is known of an HTTP request beside its messages: the routing metadata of its headers, and whose it is.
 *
 * @param lone - the message of a POST that has one
 */
export function metadataOf(
  request: FastifyRequest,
  sender: Authenticated | undefined,
  lone?: JSONRPCMessage,
): InboundEnvelope {
  const { headers } = request;
  const requestIdHint = lone !== undefined && isRequest(lone) ? lone.id : undefined;
  return decodeHeaders('jsonrpc', '', headers, { onlyMcpHeaders: true, principal: sender?.principal, requestIdHint });
}

/** What handlers are told of the way a message came, as the SDK's transport tells them. */
export function extraOf(request: FastifyRequest, sender: Authenticated | undefined): MessageExtraInfo {
  const requestInfo = { headers: request.headers };
  return sender === undefined ? { requestInfo } : { requestInfo, authInfo: sender.authInfo };
}

/** One message of a POST. Those of a batch share its headers, and are named apart. */
export function envelopeOf(
  metadata: InboundEnvelope,
  { batched, text }: PostBody,
  message: JSONRPCMessage,
  rest: Pick<InboundEnvelope, 'extra' | 'via'>,
): InboundEnvelope {
  return new PostedMessageEnvelope(metadata, batched ? randomUUID() : metadata.messageId, text, message, rest);
}

/** A class, because one is made for every message: a copy of an object by its members costs several times as much. */
class PostedMessageEnvelope implements InboundEnvelope {
  readonly type = 'jsonrpc';
  readonly body: string;
  readonly message: JSONRPCMessage;
  readonly messageId: string;
  readonly extended: boolean;
  readonly sentAt: Date;
  declare readonly sessionId?: string;
  declare readonly clientId?: string;
  declare readonly protocolVersion?: string;
  declare readonly requestIdHint?: RequestId;
  declare readonly principal?: string;
  declare readonly unnamed?: true;
  declare readonly via?: string;
  declare readonly extra?: MessageExtraInfo;

  constructor(
    {
      messageId: metadataId,
      extended,
      sentAt,
      sessionId,
      clientId,
      protocolVersion,
      principal,
      unnamed,
    }: InboundEnvelope,
    messageId: string,
    body: string,
    message: JSONRPCMessage,
    { extra, via }: Pick<InboundEnvelope, 'extra' | 'via'>,
  ) {
    this.body = body;
    this.message = message;
    this.messageId = messageId;
    this.extended = extended;
    this.sentAt = sentAt;
    if (sessionId !== undefined) this.sessionId = sessionId;
    if (clientId !== undefined) this.clientId = clientId;
    if (protocolVersion !== undefined) this.protocolVersion = protocolVersion;
    if (isRequest(message)) this.requestIdHint = message.id;
    if (principal !== undefined) this.principal = principal;
    if (unnamed === true || messageId !== metadataId) this.unnamed = true;
    if (via !== undefined) this.via = via;
    if (extra !== undefined) this.extra = extra;
  }
}
