import { randomUUID } from 'node:crypto';
import { isRequest } from '@asyncmcp/core';
import { decodeHeaders } from '@asyncmcp/webhook/parts';
import type { FastifyRequest } from 'fastify';
import type { InboundEnvelope } from '@asyncmcp/core';
import type { Authenticated } from '@asyncmcp/webhook/parts';
import type { JSONRPCMessage, MessageExtraInfo } from '@modelcontextprotocol/sdk/types.js';
import type { PostBody } from './post-body.js';

/** What is known of a POST beside its messages: the routing metadata of its headers, and whose it is. */
export function metadataOf(request: FastifyRequest, sender: Authenticated | undefined): InboundEnvelope {
  const principal = sender?.principal;
  return decodeHeaders('jsonrpc', '', request.headers, principal === undefined ? {} : { principal });
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
  return {
    ...metadata,
    ...rest,
    body: text,
    message,
    ...(batched && { messageId: randomUUID() }),
    ...(isRequest(message) && { requestIdHint: message.id }),
  };
}
