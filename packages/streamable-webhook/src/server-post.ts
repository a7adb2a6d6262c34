import { AsyncMcpError, isErrorResponse, isRequest, isResponse } from '@asyncmcp/core';
import {
  StreamableHeader,
  attemptOf,
  elsewhere,
  httpRefusal,
  sendRefusal,
  statusOf,
  takenByOf,
  tooMuch,
} from '@asyncmcp/webhook/parts';
import { envelopeOf, extraOf, metadataOf } from './post-envelope.js';
import { isInitialize, readPostBody } from './post-body.js';
import { isWebhookCall, part, placeFor } from './post-parting.js';
import { answerOverConnection, takeCall, takeCallOfBatch, takeUnanswered } from './post-ways.js';
import { Via } from './reply-port.js';
import { findSession, wrongVersion } from './session-lookup.js';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { SessionRecord } from '@asyncmcp/core';
import type { HttpRefusal } from '@asyncmcp/webhook/parts';
import type { JSONRPCMessage, JSONRPCRequest } from '@modelcontextprotocol/sdk/types.js';
import type { Handler } from './server-route.js';
import type { Parted, Post, PostOptions } from './post.js';
import type { PostBody } from './post-body.js';

/** Answers POSTs: with the answer of a server, with a stream of what it says, or with 202 for what is answered by webhook. */
export function createPostHandler(options: PostOptions): Handler {
  return (request, reply, sender) => {
    const body = readRequest(request);
    if ('status' in body) return sendRefusal(reply, body);
    const [first] = body.messages;
    const metadata = metadataOf(request, sender, body.batched ? undefined : first);
    const post = { request, reply, sender, metadata, extra: extraOf(request, sender), body };
    if (first !== undefined && isInitialize(first)) return openSession(post, first, options);
    const { sessionId } = metadata;
    const live = sessionId === undefined ? undefined : options.host.liveRecord(sessionId, metadata);
    return live === undefined ? inFoundSession(post, options) : inSession(post, live, options);
  };
}

async function inFoundSession(post: Post, options: PostOptions): Promise<FastifyReply> {
  const { reply, metadata, body } = post;
  const found = await findSession(metadata, body.batched ? undefined : body.messages[0], options);
  if ('status' in found) sendRefusal(reply, found);
  else await inSession(post, found, options);
  return reply;
}

function readRequest({ body, headers }: FastifyRequest): PostBody | HttpRefusal {
  const accept = headers.accept ?? '';
  if (!accept.includes('application/json') || !accept.includes('text/event-stream')) {
    const text = 'Accept both application/json and text/event-stream: the server answers with either.';
    return httpRefusal(406, new AsyncMcpError('ERR_MESSAGE_INVALID', text));
  }
  return wrongVersion(headers[StreamableHeader.protocolVersion]) ?? readPostBody(body);
}

/**
 * Opens a session, and answers with what its server says to `initialize`: as JSON, which a client has to take. (A stream could not be
 * refused any more once it has begun.)
 */
async function openSession(post: Post, request: JSONRPCRequest, options: PostOptions): Promise<FastifyReply> {
  const { reply, metadata, extra, body } = post;
  if (metadata.sessionId !== undefined) {
    const text = 'initialize opens a new session and carries no session id.';
    return refuse(reply, httpRefusal(400, new AsyncMcpError('ERR_MESSAGE_INVALID', text)));
  }
  const envelope = envelopeOf(metadata, body, request, { extra, via: Via.opening });
  const place = placeFor(envelope, request, options);
  if (typeof place === 'string') return refuse(reply, tooMuch(place));
  const outcome = await options.openings.open(envelope, request.id, attemptOf(post.request.headers), place);
  if (outcome.kind === 'refused') return refuse(reply, statusOf(outcome.refusal));
  if (outcome.kind === 'dropped') return refuse(reply, notNow());
  const { message } = outcome;
  // A server that refuses has no session either.
  const opened = isResponse(message) && !isErrorResponse(message);
  if (opened) void reply.header(StreamableHeader.sessionId, outcome.sessionId);
  return reply.code(200).type('application/json').send(JSON.stringify(message));
}

/** The messages of a session. A promise only where there is something to wait for. */
function inSession(post: Post, session: SessionRecord, options: PostOptions): Promise<FastifyReply> | void {
  const { request, reply, metadata, body } = post;
  const takenBy = takenByOf(request.headers);
  // It may be running there. Who has asked for that process in vain asks without naming it.
  if (takenBy !== undefined && takenBy !== options.serverId && !options.host.knows(metadata)) {
    return sendRefusal(reply, elsewhere());
  }
  const [first] = body.messages;
  if (first !== undefined && !body.batched) return takeOne(first, post, session, options);
  const parted = part(post, session, options);
  if (!(parted instanceof Promise)) return takeParted(parted, post, session, options);
  return parted.then(async (late) => {
    await takeParted(late, post, session, options);
    return reply;
  });
}

function takeOne(
  message: JSONRPCMessage,
  post: Post,
  session: SessionRecord,
  options: PostOptions,
): Promise<FastifyReply> | void {
  const { reply, metadata } = post;
  const place = placeFor(metadata, message, options);
  if (typeof place === 'string') return sendRefusal(reply, tooMuch(place));
  if (!isRequest(message)) {
    takeUnanswered({ message, place }, post, options);
    return void reply.code(202).send();
  }
  const take = (byWebhook: boolean): Promise<FastifyReply> | void =>
    byWebhook
      ? takeCall({ message, place }, post, options)
      : answerOverConnection([{ message, place }], post, session, options);
  const byWebhook = isWebhookCall(message, session, post, options);
  if (!(byWebhook instanceof Promise)) return take(byWebhook);
  return byWebhook.then(async (late) => {
    await take(late);
    return reply;
  });
}

/** Calls of webhook tools part from the others here. */
function takeParted(
  parted: Parted | HttpRefusal,
  post: Post,
  session: SessionRecord,
  options: PostOptions,
): Promise<FastifyReply> | void {
  const { reply } = post;
  if ('status' in parted) return sendRefusal(reply, parted);
  const { byWebhook, overConnection, unanswered } = parted;
  for (const entered of unanswered) takeUnanswered(entered, post, options);
  for (const entered of byWebhook) takeCallOfBatch(entered, post, session, options);
  if (overConnection.length === 0) return void reply.code(202).send();
  return answerOverConnection(overConnection, post, session, options);
}

function notNow(): HttpRefusal {
  const error = new AsyncMcpError('ERR_UNAVAILABLE', 'The session could not be opened now; try again.');
  return httpRefusal(503, error, { 'retry-after': '1' });
}

function refuse(reply: FastifyReply, refusal: HttpRefusal): FastifyReply {
  sendRefusal(reply, refusal);
  return reply;
}
