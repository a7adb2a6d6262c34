import { AsyncMcpError, isRequest, parsedMessage } from '@asyncmcp/core';
import { inCohorts } from './cohorts.js';
import { createRequestGate } from './request-gate.js';
import { enterOrCopy } from './server-admission.js';
import { addHealthRoute, refuseOtherMethods } from './http-app.js';
import { answerLater, httpRefusal, sendJson, sendRefusal, takeJsonAsText } from './http-errors.js';
import { Header, attemptOf, decodeHeaders, takenByOf } from './http-wire.js';
import { createReceipts } from './server-receipt.js';
import { elsewhere, refusalOf, tooMuch } from './server-refusals.js';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { InboundEnvelope } from '@asyncmcp/core';
import type { Admission } from './server-admission.js';
import type { Authenticate, Authenticated } from './server-auth.js';
import type { ClientSessions } from './server-client-sessions.js';
import type { HostCheck } from './host-check.js';
import type { HttpRefusal } from './http-errors.js';
import type { Inbox, PostOutcome } from './server-inbox.js';
import type { SendReceipt } from './server-receipt.js';

export interface RequestRouteOptions {
  readonly path: string;
  /** Undefined: no health route. */
  readonly healthPath: string | undefined;
  readonly maxMessageBytes: number;
  readonly inbox: Inbox;
  readonly admission: Admission;
  readonly checkHost: (app: FastifyInstance) => HostCheck;
  /** Undefined: everybody may use the server. */
  readonly authenticate: Authenticate | undefined;
  readonly clients: ClientSessions;
  /** Names this process to clients that post a request again. */
  readonly serverId: string;
  /** Whether a message is, or was recently, handled by this very process. */
  readonly knows: (envelope: InboundEnvelope) => boolean;
  /** Whether the server no longer takes anything. */
  readonly isClosing: () => boolean;
}

const TERMINATED = JSON.stringify({ status: 'terminated' });

interface Answering extends RequestRouteOptions {
  readonly sendReceipt: SendReceipt;
}

/** The routes of a webhook server, for an instance of fastify that is theirs alone (encapsulated). */
export function addRequestRoutes(app: FastifyInstance, options: RequestRouteOptions): void {
  const { path, healthPath, isClosing } = options;
  takeJsonAsText(app, options.maxMessageBytes);
  const gate = createRequestGate({ ...options, checkHost: options.checkHost(app) });
  const answering = { ...options, sendReceipt: createReceipts(options.serverId) };
  const handler = inCohorts((request, reply) => () => {
    const refusal = gate.refusalOf(request);
    if (refusal === undefined) answer(request, reply, gate.senderOf(request), answering);
    else sendRefusal(reply, refusal);
  });
  app.route({ method: ['POST', 'DELETE'], url: path, ...gate.hooks, handler });
  refuseOtherMethods(app, path, ['POST', 'DELETE'], wrongMethod);
  addHealthRoute(app, healthPath, isClosing);
}

function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  sender: Authenticated | undefined,
  options: Answering,
): void {
  const read = request.method === 'DELETE' ? readTermination(request, sender) : readMessage(request, sender);
  if ('status' in read) return sendRefusal(reply, read);
  const takenBy = takenByOf(request.headers);
  // It may be running there. Who has asked for that process in vain asks without naming it.
  if (takenBy !== undefined && takenBy !== options.serverId && !options.knows(read))
    return sendRefusal(reply, elsewhere());
  handle(read, request, reply, options);
}

function handle(envelope: InboundEnvelope, request: FastifyRequest, reply: FastifyReply, options: Answering): void {
  const { inbox, admission, knows } = options;
  const { sessionId, clientId = '' } = envelope;
  const owner = sessionId ?? `client ${clientId}`;
  const isCall = request.headers[Header.requestId] !== undefined;
  const place = enterOrCopy(admission, owner, isCall, () => knows(envelope));
  if (typeof place === 'string') return sendRefusal(reply, tooMuch(place));
  const attempt = attemptOf(request.headers);
  inbox.post(envelope, attempt, place, (told) =>
    answerLater(reply, () => tell(reply, envelope, attempt, told, options)),
  );
}

/** Tells the sender what becomes of its message. */
function tell(
  reply: FastifyReply,
  envelope: InboundEnvelope,
  attempt: number,
  told: PostOutcome,
  { clients, serverId, sendReceipt }: Answering,
): void {
  if (told.kind === 'refused' || told.kind === 'later') return sendRefusal(reply, refusalOf(told, attempt));
  if (envelope.type === 'terminate') return sendJson(reply, 200, TERMINATED);
  const begun = told.kind === 'taken' && !told.begun ? undefined : attempt;
  // The id is what makes the session its client's. Who names none is served in the one that its client id has, and is not told of it.
  if (told.kind !== 'taken' || envelope.sessionId !== undefined || !isInitialize(envelope))
    return sendReceipt(reply, begun);
  void clients.opened(envelope, told.sessionId);
  void reply.header('X-Session-ID', told.sessionId);
  const created = { status: 'session_created', session_id: told.sessionId, server: serverId };
  sendJson(reply, 200, JSON.stringify(begun === undefined ? created : { ...created, attempt: begun }));
}

function readMessage(request: FastifyRequest, sender: Authenticated | undefined): InboundEnvelope | HttpRefusal {
  const { body } = request;
  // Without a content type fastify parses no body.
  if (typeof body !== 'string') return bad(415, 'Send the message with Content-Type: application/json.');
  const envelope = envelopeOf('jsonrpc', body, request, sender);
  if (envelope.clientId !== undefined) return envelope;
  return bad(400, 'Header X-Client-ID is missing or malformed: 1 to 1,024 visible ASCII characters, once.');
}

function readTermination(request: FastifyRequest, sender: Authenticated | undefined): InboundEnvelope | HttpRefusal {
  const envelope = envelopeOf('terminate', '{}', request, sender);
  if (envelope.sessionId !== undefined) return envelope;
  return bad(400, 'Header X-Session-ID is missing or malformed: say which session is to end.');
}

function envelopeOf(
  type: InboundEnvelope['type'],
  body: string,
  { headers }: FastifyRequest,
  sender: Authenticated | undefined,
): InboundEnvelope {
  const requestInfo = { headers };
  if (sender === undefined) return decodeHeaders(type, body, headers, { extra: { requestInfo } });
  const { authInfo, principal } = sender;
  return decodeHeaders(type, body, headers, { principal, extra: { requestInfo, authInfo } });
}

/** By its body: what stands beside it anybody may write. */
function isInitialize(envelope: InboundEnvelope): boolean {
  const parsed = parsedMessage(envelope);
  return parsed.ok && isRequest(parsed.message) && parsed.message.method === 'initialize';
}

function wrongMethod(): HttpRefusal {
  const error = new AsyncMcpError('ERR_MESSAGE_INVALID', 'POST a message, or DELETE a session.');
  return httpRefusal(405, error, { allow: 'POST, DELETE' });
}

function bad(status: 400 | 415, text: string): HttpRefusal {
  return httpRefusal(status, new AsyncMcpError('ERR_MESSAGE_INVALID', text));
}
