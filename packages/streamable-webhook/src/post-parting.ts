import { isRequest } from '@asyncmcp/core';
import { enterOrCopy, tooMuch } from '@asyncmcp/webhook/parts';
import { extraOf } from './post-envelope.js';
import { BY_CONNECTION } from './reply-port.js';
import type { InboundEnvelope, SessionRecord } from '@asyncmcp/core';
import type { HttpRefusal, Place } from '@asyncmcp/webhook/parts';
import type { JSONRPCMessage, JSONRPCRequest } from '@modelcontextprotocol/sdk/types.js';
import type { Entered, Parted, Post, PostOptions } from './post.js';

/** Gives every message a place in the works, or none. A promise only where a server has to be asked for its tools first. */
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

function isWebhookCall(
  message: JSONRPCRequest,
  session: SessionRecord,
  { request, sender }: Post,
  { choice }: PostOptions,
): boolean | Promise<boolean> {
  if (session.replyTo === BY_CONNECTION) return false;
  return choice.isWebhookCall(message, session, extraOf(request, sender));
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
