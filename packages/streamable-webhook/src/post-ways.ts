import {
  AsyncMcpError,
  JsonRpcErrorCode,
  createEnvelope,
  errorResponse,
  isRequest,
  toAsyncMcpError,
} from '@asyncmcp/core';
import { Header, answerLater, attemptOf, refusalOf, sendRefusal } from '@asyncmcp/webhook/parts';
import { writeWebResponse } from './http-bridge.js';
import { envelopeOf } from './post-envelope.js';
import { Via } from './reply-port.js';
import { SessionChannel } from './session-channel.js';
import type { FastifyReply } from 'fastify';
import type { InboundEnvelope, SessionRecord } from '@asyncmcp/core';
import type { ConnectedSender, HttpRefusal } from '@asyncmcp/webhook/parts';
import type {
  JSONRPCErrorResponse,
  JSONRPCRequest,
  MessageExtraInfo,
  RequestId,
} from '@modelcontextprotocol/sdk/types.js';
import type { Entered, Post, PostOptions } from './post.js';

/** Notifications, and answers to what the server has asked its client. */
export function takeUnanswered(
  { message, place }: Entered,
  { metadata, body, extra }: Post,
  options: PostOptions,
): void {
  const envelope = envelopeOf(metadata, body, message, { extra });
  options.inbox.note(envelope, place);
}

/** A call whose answer is delivered by webhook: 202 as soon as the session has it. */
export function takeCall({ message, place }: Entered, post: Post, options: PostOptions): void {
  const { request, reply, metadata, extra, body } = post;
  const attempt = attemptOf(request.headers);
  const envelope = envelopeOf(metadata, body, message, { extra, via: Via.webhook });
  options.inbox.post(envelope, attempt, place, (told) =>
    answerLater(reply, () => {
      if (told.kind === 'refused' || told.kind === 'later') return sendRefusal(reply, refusalOf(told, attempt));
      options.sendReceipt(reply, told.kind === 'taken' && !told.begun ? undefined : attempt);
    }),
  );
}

/** Several messages have one status: what is wrong with one call is said where its answer would have been. */
export function takeCallOfBatch(
  { message, place }: Entered,
  { metadata, extra, body: batch }: Post,
  session: SessionRecord,
  { replyPort, inbox, report }: PostOptions,
): void {
  const envelope = envelopeOf(metadata, batch, message, { extra, via: Via.webhook });
  const refuseByWebhook = async (refusal: JSONRPCErrorResponse): Promise<void> => {
    const reply = createEnvelope(refusal, { sessionId: session.id, clientId: session.clientId, via: Via.webhook });
    try {
      await replyPort.send(session.replyTo, reply, session);
    } catch (error) {
      report(toAsyncMcpError(error, 'ERR_DELIVERY_FAILED', 'The refusal of a call could not be delivered'));
    }
  };
  inbox.keep(envelope, 1, place, {
    taken: () => {},
    refuse: (refusal) => void refuseByWebhook(refusal),
    settled: () => {},
    leave: () => {},
  });
}

/** The rest goes to the SDK's transport, which holds the connection, and hands each request on from there. */
export async function answerOverConnection(
  entered: readonly Entered<JSONRPCRequest>[],
  { request, reply, sender, metadata, body }: Post,
  session: SessionRecord,
  { channels, inbox, host, serverId, jsonResponse }: PostOptions,
): Promise<FastifyReply> {
  const opened = channels.of(session.id);
  const channel = opened instanceof SessionChannel ? opened : await opened;
  channel.begin();
  // With nothing awaited where there is none: from here to the post, no other request may come between.
  for (;;) {
    const earlier = earlierOf(channel, entered, metadata);
    if (earlier === undefined) break;
    await channel.begun(earlier);
  }
  const inUse = entered.find(({ message }) => channel.isAnswering(message.id));
  // It would take the other's connection. A copy of that one may.
  if (inUse !== undefined && !host.knows(metadata)) {
    for (const { place } of entered) place.settled();
    channel.end();
    return refuse(reply, requestIdInUse(inUse.message));
  }
  const attempt = attemptOf(request.headers);
  const isNamed = metadata.unnamed !== true && !body.batched;
  if (isNamed) {
    void reply.header(Header.takenBy, serverId);
    if (!host.knows(metadata)) void reply.header(Header.attempt, String(attempt));
  }
  const waiting = new Map(entered.map(({ message, place }) => [message.id, place]));
  const begin = (message: JSONRPCRequest, extra: MessageExtraInfo): void => {
    const place = waiting.get(message.id);
    if (place === undefined) return;
    waiting.delete(message.id);
    const envelope = envelopeOf(metadata, body, message, { extra });
    inbox.keep(envelope, attempt, place, new OnConnection(channel, message.id));
    channel.hasBegun(message.id);
  };
  // A client that would post it again counts how often servers have begun with it: it is to know before anything can happen.
  const tellsFirst = isNamed && !jsonResponse;
  const told: (() => void)[] = [];
  try {
    const response = await channel.post(request, {
      metadata,
      requests: entered.map(({ message }) => message),
      batched: body.batched,
      authInfo: sender?.authInfo,
      raw: reply.raw,
      onRequest: tellsFirst ? (message, extra) => void told.push(() => begin(message, extra)) : begin,
    });
    await writeWebResponse(response, reply, tellsFirst ? () => told.forEach((start) => start()) : undefined);
  } finally {
    // What the SDK did not take.
    for (const [id, place] of waiting) {
      place.settled();
      channel.hasBegun(id);
    }
    channel.end();
  }
  return reply;
}

/**
 * The request that these are copies of, sent right behind it, if it has not begun yet. It could not be ended in their favour before that,
 * and the host does not know of it.
 */
function earlierOf(
  channel: SessionChannel,
  entered: readonly Entered[],
  metadata: InboundEnvelope,
): RequestId | undefined {
  const copy = entered.find(({ message }) => isRequest(message) && channel.isBeginning(message.id, metadata));
  return copy !== undefined && isRequest(copy.message) ? copy.message.id : undefined;
}

/** The sender of a request that stays on the line: refusals reach it there. */
class OnConnection implements ConnectedSender {
  readonly #channel: SessionChannel;
  readonly #id: RequestId;

  constructor(channel: SessionChannel, id: RequestId) {
    this.#channel = channel;
    this.#id = id;
    channel.begin();
  }

  taken(): void {}

  refuse(refusal: JSONRPCErrorResponse): void {
    // A connection that is gone needs no refusal.
    void this.#channel.send(refusal).catch(() => {});
  }

  settled(): void {
    void this.#channel.finish(this.#id);
    this.#channel.end();
  }

  leave(): void {
    this.#channel.cut(this.#id);
    this.#channel.end();
  }
}

function requestIdInUse({ id }: JSONRPCRequest): HttpRefusal {
  const text = 'A call of this session that has not ended has the same request id.';
  return {
    status: 400,
    body: errorResponse(id, JsonRpcErrorCode.invalidRequest, new AsyncMcpError('ERR_MESSAGE_INVALID', text)),
  };
}

function refuse(reply: FastifyReply, refusal: HttpRefusal): FastifyReply {
  sendRefusal(reply, refusal);
  return reply;
}
