import {
  AsyncMcpError,
  JsonRpcErrorCode,
  SUPPORTED_PROTOCOL_VERSIONS,
  createEnvelope,
  errorResponse,
  isAsyncMcpError,
  isErrorResponse,
  isRequest,
  isResponse,
  toAsyncMcpError,
} from '@asyncmcp/core';
import {
  StreamableHeader,
  attemptOf,
  elsewhere,
  enterOrCopy,
  httpRefusal,
  refusalOf,
  sendRefusal,
  statusOf,
  takenByOf,
  tooMuch,
} from '@asyncmcp/webhook/parts';
import { writeWebResponse } from './http-bridge.js';
import { envelopeOf, extraOf, metadataOf } from './post-envelope.js';
import { isInitialize, readPostBody } from './post-body.js';
import { BY_CONNECTION, Via } from './reply-port.js';
import { SessionChannel } from './session-channel.js';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { InboundEnvelope, ReplyPort, SessionHost, SessionRecord } from '@asyncmcp/core';
import type { Admission, Authenticated, ConnectedSender, HttpRefusal, Inbox, Place } from '@asyncmcp/webhook/parts';
import type {
  JSONRPCErrorResponse,
  JSONRPCMessage,
  JSONRPCRequest,
  RequestId,
} from '@modelcontextprotocol/sdk/types.js';
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
  /** Names this process to clients that post a request again. */
  readonly serverId: string;
  readonly report: (error: AsyncMcpError) => void;
}

/** A POST, and whose it is. */
interface Post {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly sender: Authenticated | undefined;
  readonly metadata: InboundEnvelope;
  readonly body: PostBody;
}

/** A message of a POST, with a place in the works. */
interface Entered<Message extends JSONRPCMessage = JSONRPCMessage> {
  readonly message: Message;
  readonly place: Place;
}

/** The messages of a POST, by what is done with them. */
interface Parted {
  /** Calls of webhook tools. */
  readonly byWebhook: Entered<JSONRPCRequest>[];
  readonly overConnection: Entered<JSONRPCRequest>[];
  /** What needs no answer. */
  readonly unanswered: Entered[];
}

/** Answers POSTs: with the answer of a server, with a stream of what it says, or with 202 for what is answered by webhook. */
export function createPostHandler(
  options: PostOptions,
): (request: FastifyRequest, reply: FastifyReply, sender: Authenticated | undefined) => Promise<FastifyReply> {
  return async (request, reply, sender) => {
    const body = readRequest(request);
    if ('status' in body) return refuse(reply, body);
    const metadata = metadataOf(request, sender);
    const post = { request, reply, sender, metadata, body };
    const [first] = body.messages;
    if (first !== undefined && isInitialize(first)) return openSession(post, first, options);
    const found = await findSession(metadata, body.batched ? undefined : first, options);
    if ('status' in found) return refuse(reply, found);
    return inSession(post, found, options);
  };
}

function readRequest({ body, headers }: FastifyRequest): PostBody | HttpRefusal {
  const accept = headers.accept ?? '';
  if (!accept.includes('application/json') || !accept.includes('text/event-stream')) {
    const text = 'Accept both application/json and text/event-stream: the server answers with either.';
    return httpRefusal(406, new AsyncMcpError('ERR_MESSAGE_INVALID', text));
  }
  // Without a content type fastify parses no body.
  if (typeof body !== 'string') {
    const text = 'Send the message with Content-Type: application/json.';
    return httpRefusal(415, new AsyncMcpError('ERR_MESSAGE_INVALID', text));
  }
  return wrongVersion(headers[StreamableHeader.protocolVersion]) ?? readPostBody(body);
}

/** Why a protocol version is refused, if it is; none named is that of the session. */
export function wrongVersion(version: string | string[] | undefined): HttpRefusal | undefined {
  if (version === undefined || (typeof version === 'string' && SUPPORTED_PROTOCOL_VERSIONS.includes(version))) {
    return undefined;
  }
  const shown = JSON.stringify(String(version).slice(0, 100));
  const text = `Protocol version ${shown} is not supported. Supported: ${SUPPORTED_PROTOCOL_VERSIONS.join(', ')}.`;
  return httpRefusal(400, new AsyncMcpError('ERR_PROTOCOL_VERSION', text));
}

/**
 * Opens a session, and answers with what its server says to `initialize`: as JSON, which a client has to take. (A stream could not be
 * refused any more once it has begun.)
 */
async function openSession(post: Post, request: JSONRPCRequest, options: PostOptions): Promise<FastifyReply> {
  const { reply, metadata, sender, body } = post;
  if (metadata.sessionId !== undefined) {
    const text = 'initialize opens a new session and carries no session id.';
    return refuse(reply, httpRefusal(400, new AsyncMcpError('ERR_MESSAGE_INVALID', text)));
  }
  const envelope = envelopeOf(metadata, body, request, { extra: extraOf(post.request, sender), via: Via.opening });
  const place = placeFor(envelope, request, options);
  if (typeof place === 'string') return refuse(reply, tooMuch(place));
  const outcome = await options.openings.open(envelope, request.id, attemptOf(post.request.headers), place);
  if (outcome.kind === 'refused') return refuse(reply, statusOf(outcome.refusal));
  if (outcome.kind === 'dropped') return refuse(reply, notNow());
  const { message } = outcome;
  // A server that refuses has no session either.
  if (!isResponse(message) || !isErrorResponse(message))
    void reply.header(StreamableHeader.sessionId, outcome.sessionId);
  return reply.code(200).type('application/json').send(JSON.stringify(message));
}

/** The session of a POST, live here; or why there is none. */
export async function findSession(
  metadata: InboundEnvelope,
  message: JSONRPCMessage | undefined,
  { host, report }: Pick<PostOptions, 'host' | 'report'>,
): Promise<SessionRecord | HttpRefusal> {
  const { sessionId } = metadata;
  if (sessionId === undefined) return withoutSession(message);
  try {
    const record = host.liveRecord(sessionId, metadata) ?? (await host.takeUp(sessionId, metadata));
    return record ?? unknownSession(sessionId, message);
  } catch (error) {
    const failure = toAsyncMcpError(error, 'ERR_INTERNAL', `Session ${sessionId} could not be taken up`);
    // That it has too many sessions, or is closing, is no defect of the server.
    if (!isAsyncMcpError(error, 'ERR_SESSION_LIMIT') && !isAsyncMcpError(error, 'ERR_CLOSED')) report(failure);
    const text = `The session could not be taken up for now (${failure.code}); try again later.`;
    const refusal = new AsyncMcpError(failure.code, text);
    return httpRefusal(503, refusal, { 'retry-after': '1' });
  }
}

/** A newer client asks first which revision it speaks to, and has to hear in so many words that the method is not known. */
function withoutSession(message: JSONRPCMessage | undefined): HttpRefusal {
  const id = message !== undefined && isRequest(message) ? message.id : undefined;
  if (message !== undefined && isRequest(message) && message.method === 'server/discover') {
    const error = new AsyncMcpError('ERR_SESSION_REQUIRED', 'Method not found: server/discover');
    return { status: 200, body: errorResponse(id, JsonRpcErrorCode.methodNotFound, error) };
  }
  const text = 'Header Mcp-Session-Id is missing or malformed; open a session with initialize.';
  const error = new AsyncMcpError('ERR_SESSION_REQUIRED', text);
  return { status: 400, body: errorResponse(id, JsonRpcErrorCode.invalidRequest, error) };
}

function unknownSession(sessionId: string, message: JSONRPCMessage | undefined): HttpRefusal {
  const id = message !== undefined && isRequest(message) ? message.id : undefined;
  const text = `Session ${JSON.stringify(sessionId.slice(0, 200))} is unknown, has ended or expired; open a new one with initialize.`;
  const error = new AsyncMcpError('ERR_SESSION_NOT_FOUND', text);
  return { status: 404, body: errorResponse(id, JsonRpcErrorCode.sessionNotFound, error) };
}

/** The messages of a session: calls of webhook tools part from the others here. */
async function inSession(post: Post, session: SessionRecord, options: PostOptions): Promise<FastifyReply> {
  const { request, reply, metadata, body } = post;
  const takenBy = takenByOf(request.headers);
  // It may be running there. Who has asked for that process in vain asks without naming it.
  if (takenBy !== undefined && takenBy !== options.serverId && !options.host.knows(metadata)) {
    return refuse(reply, elsewhere());
  }
  const parting = part(post, session, options);
  const parted = parting instanceof Promise ? await parting : parting;
  if ('status' in parted) return refuse(reply, parted);
  const { byWebhook, overConnection, unanswered } = parted;
  for (const entered of unanswered) takeUnanswered(entered, post, options);
  const [call] = byWebhook;
  if (call !== undefined && !body.batched) return takeCall(call, post, options);
  for (const entered of byWebhook) takeCallOfBatch(entered, post, session, options);
  if (overConnection.length === 0) return reply.code(202).send();
  return answerOverConnection(overConnection, post, session, options);
}

/** Gives every message a place in the works, or none. A promise only where a server has to be asked for its tools first. */
function part(post: Post, session: SessionRecord, options: PostOptions): Parted | HttpRefusal | Promise<Parted> {
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

/** Notifications, and answers to what the server has asked its client. */
function takeUnanswered(
  { message, place }: Entered,
  { request, sender, metadata, body }: Post,
  options: PostOptions,
): void {
  const envelope = envelopeOf(metadata, body, message, { extra: extraOf(request, sender) });
  options.inbox.keep(envelope, 1, place, UNANSWERED);
}

/** Who has sent what needs no answer hears no more than that it was taken. */
const UNANSWERED: ConnectedSender = { taken: () => {}, refuse: () => {}, settled: () => {} };

/** A call whose answer is delivered by webhook: 202 as soon as the session has it. */
async function takeCall({ message, place }: Entered, post: Post, options: PostOptions): Promise<FastifyReply> {
  const { request, reply, sender, metadata, body } = post;
  const attempt = attemptOf(request.headers);
  const envelope = envelopeOf(metadata, body, message, { extra: extraOf(request, sender), via: Via.webhook });
  const told = await options.inbox.post(envelope, attempt, place);
  if (told.kind === 'refused' || told.kind === 'later') return refuse(reply, refusalOf(told, attempt));
  const isCopy = told.kind === 'taken' && !told.begun;
  return reply.code(202).send({ status: 'received', server: options.serverId, ...(!isCopy && { attempt }) });
}

/** Several messages have one status: what is wrong with one call is said where its answer would have been. */
function takeCallOfBatch(
  { message, place }: Entered,
  { request, sender, metadata, body: batch }: Post,
  session: SessionRecord,
  { replyPort, inbox, report }: PostOptions,
): void {
  const envelope = envelopeOf(metadata, batch, message, { extra: extraOf(request, sender), via: Via.webhook });
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
  });
}

/** The rest goes to the SDK's transport, which holds the connection, and hands each request on from there. */
async function answerOverConnection(
  entered: readonly Entered<JSONRPCRequest>[],
  { request, reply, sender, metadata, body }: Post,
  session: SessionRecord,
  { channels, inbox, host }: PostOptions,
): Promise<FastifyReply> {
  const opened = channels.of(session.id);
  const channel = opened instanceof SessionChannel ? opened : await opened;
  const inUse = entered.find(({ message }) => channel.isAnswering(message.id));
  // It would take the other's connection. A copy of that one may.
  if (inUse !== undefined && !host.knows(metadata)) {
    for (const { place } of entered) place.settled();
    return refuse(reply, requestIdInUse(inUse.message));
  }
  channel.begin();
  const attempt = attemptOf(request.headers);
  const waiting = new Map(entered.map(({ message, place }) => [message.id, place]));
  try {
    const response = await channel.post(request, {
      requests: entered.map(({ message }) => message),
      batched: body.batched,
      authInfo: sender?.authInfo,
      onRequest(message, extra) {
        const place = waiting.get(message.id);
        if (place === undefined) return;
        waiting.delete(message.id);
        const envelope = envelopeOf(metadata, body, message, { extra });
        inbox.keep(envelope, attempt, place, new OnConnection(channel, message.id));
      },
    });
    await writeWebResponse(response, reply);
  } finally {
    // What the SDK did not take.
    for (const place of waiting.values()) place.settled();
    channel.end();
  }
  return reply;
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
}

function placeFor(
  metadata: InboundEnvelope,
  message: JSONRPCMessage,
  { admission, host }: PostOptions,
): Place | 'server-full' | 'session-full' {
  const { sessionId, clientId, messageId } = metadata;
  // Of clients that do not say who they are, each is one.
  const owner = sessionId ?? (clientId === undefined ? `message ${messageId}` : `client ${clientId}`);
  return enterOrCopy(admission, owner, isRequest(message), () => host.knows(metadata));
}

function requestIdInUse({ id }: JSONRPCRequest): HttpRefusal {
  const text = 'A call of this session that has not ended has the same request id.';
  return {
    status: 400,
    body: errorResponse(id, JsonRpcErrorCode.invalidRequest, new AsyncMcpError('ERR_MESSAGE_INVALID', text)),
  };
}

function notNow(): HttpRefusal {
  const error = new AsyncMcpError('ERR_UNAVAILABLE', 'The session could not be opened now; try again.');
  return httpRefusal(503, error, { 'retry-after': '1' });
}

function refuse(reply: FastifyReply, refusal: HttpRefusal): FastifyReply {
  sendRefusal(reply, refusal);
  return reply;
}
