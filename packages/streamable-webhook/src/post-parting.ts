import { isRequest } from '@asyncmcp/core';
import { enterOrCopy, tooMuch } from '@asyncmcp/webhook/parts';
import { BY_CONNECTION } from './reply-port.js';
import type { InboundEnvelope, SessionRecord } from '@asyncmcp/core';
import type { HttpRefusal, Place } from '@asyncmcp/webhook/parts';
import type { JSONRPCMessage, JSONRPCRequest } from '@modelcontextprotocol/sdk/types.js';
import type { Entered, Parted, Post, PostOptions } from './post.js';

/**
 * Gives every message of a batch a place in the works, or none. A promise only where a server has to be asked for its tools first.
 */
export function part(post: Post, session: SessionRecord, options: PostOptions): Parted | HttpRefusal | Promise<Parted> {
  const entered: Entered[] = [];
  for (const message of post.body.messages) {
    const place = placeFor(post.metadata, message, options);
    if (typeof place === 'string') {
      for (const one of entered) one.place.settled();
      return tooMuch(place);
    }
    entered.push({ message, place });
  }
  const asked = entered.map(({ message }) => isRequest(message) && isWebhookCall(message, session, post, options));
  return asked.some((one) => one instanceof Promise)
    ? Promise.all(asked.map(async (one) => one)).then((known) => sorted(entered, known))
    : sorted(entered, asked);
}

function sorted(entered: readonly Entered[], byWebhook: readonly unknown[]): Parted {
  const parted: Parted = { byWebhook: [], overConnection: [], unanswered: [] };
  for (const [index, { message, place }] of entered.entries()) {
    if (!isRequest(message)) parted.unanswered.push({ message, place });
    else parted[byWebhook[index] === true ? 'byWebhook' : 'overConnection'].push({ message, place });
  }
  return parted;
}

/** Whether the answer to a call goes by webhook. A promise only where its server has to be asked for its tools first. */
export function isWebhookCall(
  message: JSONRPCRequest,
  session: SessionRecord,
  { extra }: Post,
  { choice }: PostOptions,
): boolean | Promise<boolean> {
  return session.replyTo === BY_CONNECTION ? false : choice.isWebhookCall(message, session, extra);
}

/** A place in the works, or what is full. */
export function placeFor(
  metadata: InboundEnvelope,
  message: JSONRPCMessage,
  { admission, host }: PostOptions,
): Place | 'server-full' | 'session-full' {
  const { sessionId, clientId, messageId } = metadata;
  // Of clients that do not say who they are, each is one.
  const owner = sessionId ?? (clientId === undefined ? `message ${messageId}` : `client ${clientId}`);
  return enterOrCopy(admission, owner, isRequest(message), () => host.knows(metadata));
}
