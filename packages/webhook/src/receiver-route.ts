import { AsyncMcpError, createDelivery, isAsyncMcpError } from '@asyncmcp/core';
import { inCohorts } from './cohorts.js';
import { refuseOtherMethods } from './http-app.js';
import { httpRefusal, sendJson, sendRefusal, takeJsonAsText } from './http-errors.js';
import { decodeHeaders } from './http-wire.js';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { InboundEnvelope, Logger, Settlement } from '@asyncmcp/core';
import type { HttpRefusal } from './http-errors.js';
import type { AttachedClient, ReceiverClients } from './receiver-clients.js';
import type { Seal } from './receiver-seal.js';
import type { ReplayWindow } from './replay-window.js';
import type { VerifiedWebhook } from './signature.js';
import type { Waited, WaitingRoom } from './receiver-waiting.js';

export interface ReceiverRouteOptions {
  readonly path: string;
  readonly maxMessageBytes: number;
  readonly clients: ReceiverClients;
  readonly waiting: WaitingRoom;
  /** What all messages are signed with; undefined where each client has its own, or none. */
  readonly sharedSeal: Seal | undefined;
  readonly isClosed: () => boolean;
  readonly logger: Logger;
}

interface RouteOptions extends ReceiverRouteOptions {
  /** Whether a message may still wait for its client. */
  readonly mayWait: () => boolean;
}

/** Undefined: the message is in good hands. */
type Outcome = HttpRefusal | undefined;

const SUCCESS = JSON.stringify({ status: 'success' });

const RETRY_SOON = { 'retry-after': '1' };

/** The route of a receiver, for an instance of fastify that is its alone (encapsulated). */
export function addReceiverRoute(app: FastifyInstance, options: ReceiverRouteOptions): void {
  const { path, waiting } = options;
  takeJsonAsText(app, options.maxMessageBytes);
  let appCloses = false;
  const route = { ...options, mayWait: () => !appCloses };
  const handler = inCohorts((request, reply) => {
    const read = readMessage(request, options);
    return () => {
      const outcome = take(read, request, reply, route);
      if (!(outcome instanceof Promise)) return answer(reply, outcome);
      return outcome.then((later) => answer(reply, later));
    };
  });
  app.post(path, handler);
  refuseOtherMethods(app, path, ['POST'], wrongMethod);
  // A fastify that closes waits for its requests.
  app.addHook('preClose', async () => {
    appCloses = true;
    waiting.release();
  });
}

/** What a message is, before anybody is told of it. */
interface ReadMessage {
  readonly envelope: InboundEnvelope;
  /** Where all messages are signed with the same. */
  readonly early: VerifiedWebhook | undefined;
  /** Whom it is for, if anybody is here. */
  readonly found: AttachedClient | undefined;
  /** By what that client's messages are signed with; undefined where nothing is signed, and where nobody is here. */
  readonly verified: VerifiedWebhook | undefined;
}

/** What reading a message has thrown. */
class Unreadable {
  readonly envelope: InboundEnvelope;
  readonly error: unknown;

  constructor(envelope: InboundEnvelope, error: unknown) {
    this.envelope = envelope;
    this.error = error;
  }
}

/** Undefined for what has no body. Never throws. */
function readMessage(
  request: FastifyRequest,
  { clients, sharedSeal }: ReceiverRouteOptions,
): ReadMessage | Unreadable | undefined {
  const { body, headers } = request;
  // Without a content type fastify parses no body.
  if (typeof body !== 'string') return undefined;
  const envelope = decodeHeaders('jsonrpc', body, headers);
  try {
    // Before anything else where that is possible: a stranger's message does not take a waiting place.
    const early = sharedSeal?.verifier.verify(headers, body);
    const found = clients.find(envelope);
    return { envelope, early, found, verified: early ?? found?.seal?.verifier.verify(headers, body) };
  } catch (error) {
    return new Unreadable(envelope, error);
  }
}

/** A message whose client is here is taken at once; a promise for each would be dear. */
function take(
  read: ReadMessage | Unreadable | undefined,
  request: FastifyRequest,
  reply: FastifyReply,
  options: RouteOptions,
): Outcome | Promise<Outcome> {
  const { clients, logger } = options;
  if (options.isClosed()) return closed();
  if (read === undefined) return wrongType();
  const { envelope } = read;
  try {
    if (read instanceof Unreadable) throw read.error;
    const { found, early, verified } = read;
    // What was read together with it may have led to its client's closing, and another's coming, with a secret of its own.
    if (found === undefined || !clients.isHere(found)) return takeLater(request, reply, envelope, early, options);
    return takeFor(found, verified, envelope, options);
  } catch (error) {
    return refusalOf(error, envelope, logger);
  }
}

async function takeLater(
  request: FastifyRequest,
  reply: FastifyReply,
  envelope: InboundEnvelope,
  early: VerifiedWebhook | undefined,
  options: RouteOptions,
): Promise<Outcome> {
  const { clients, logger } = options;
  const found = clients.find(envelope) ?? (await waitForClient(envelope, request, reply, options));
  if (typeof found === 'string') return nobodyTakes(envelope, found, logger);
  try {
    const verified = early ?? found.seal?.verifier.verify(request.headers, envelope.body);
    return await takeFor(found, verified, envelope, options);
  } catch (error) {
    return refusalOf(error, envelope, logger);
  }
}

function takeFor(
  found: AttachedClient,
  verified: VerifiedWebhook | undefined,
  envelope: InboundEnvelope,
  options: RouteOptions,
): Outcome | Promise<Outcome> {
  const { seal } = found;
  if (seal === undefined || verified === undefined) return deliver(found, envelope, options);
  const { id, timestamp } = verified;
  const trusted = envelope.messageId === id ? envelope : { ...envelope, messageId: id };
  return deliverOnce(seal.window, timestamp, trusted, found, options);
}

function waitForClient(
  envelope: InboundEnvelope,
  request: FastifyRequest,
  reply: FastifyReply,
  { waiting, mayWait, logger }: RouteOptions,
): Promise<Waited> {
  if (!mayWait()) return Promise.resolve('closed');
  const waited = waiting.wait(envelope, request, reply);
  const { clientId, sessionId } = envelope;
  logger.debug({ clientId, sessionId, waiting: waiting.size }, 'there is no client for a message yet');
  return waited;
}

/** Hands on what the window has not seen. The id of a signed message is the signed one. */
function deliverOnce(
  window: ReplayWindow,
  timestamp: number,
  envelope: InboundEnvelope,
  found: AttachedClient,
  options: RouteOptions,
): Outcome | Promise<Outcome> {
  const { messageId } = envelope;
  const verdict = window.claim(messageId, timestamp);
  if (verdict === 'replay') return notSigned(envelope, replayed(), options.logger);
  if (verdict === 'pending' || verdict === 'late') return notNow();
  if (verdict === 'duplicate') {
    found.client.events.repeated(envelope);
    return undefined;
  }
  const settle = (refusal: Outcome): Outcome => {
    if (refusal === undefined) window.accept(messageId);
    else window.release(messageId);
    return refusal;
  };
  try {
    const outcome = deliver(found, envelope, options);
    if (!(outcome instanceof Promise)) return settle(outcome);
    return outcome.then(settle, (error: unknown) => {
      window.release(messageId);
      throw error;
    });
  } catch (error) {
    window.release(messageId);
    throw error;
  }
}

function deliver(
  found: AttachedClient,
  envelope: InboundEnvelope,
  { waiting, logger }: RouteOptions,
): Outcome | Promise<Outcome> {
  const { events } = found.client;
  if (!events.accepts(envelope)) {
    events.discarded(envelope);
    return nobodyTakes(envelope, 'nobody', logger);
  }
  const posted = new PostedWebhook(envelope.messageId, logger);
  const outcome = (): Outcome => {
    // The answer to `initialize` tells a client its session.
    waiting.look(found);
    return posted.state === 'given back' ? notNow() : undefined;
  };
  const received = events.receive(createDelivery(envelope, 1, posted));
  if (posted.state === undefined) return received.then(outcome);
  // It is in good hands; what they do with it is not for its sender to hear.
  received.catch((error: unknown) => logger.error({ err: error }, 'a client failed after it had taken a message'));
  return outcome();
}

/** What becomes of a message. A class, because one is made for each: core's `TransientMap` says why. */
class PostedWebhook implements Settlement {
  /** Undefined until it is settled. */
  state: 'taken' | 'given back' | undefined;
  readonly #messageId: string;
  readonly #logger: Logger;

  constructor(messageId: string, logger: Logger) {
    this.#messageId = messageId;
    this.#logger = logger;
  }

  async ack(): Promise<void> {
    this.state = 'taken';
  }

  async retry(): Promise<void> {
    this.state = 'given back';
  }

  /** Nobody is served by having it sent again. */
  async reject(reason: string): Promise<void> {
    this.state = 'taken';
    this.#logger.warn({ messageId: this.#messageId, reason }, 'a message was rejected');
  }
}

function nobodyTakes(
  { clientId, sessionId, messageId }: InboundEnvelope,
  why: Exclude<Waited, AttachedClient>,
  logger: Logger,
): HttpRefusal {
  logger.debug({ clientId, sessionId, messageId, why }, 'refused a message that no client here takes');
  if (why === 'closed') return closed();
  // One that is gone does not read it.
  return httpRefusal(404, new AsyncMcpError('ERR_UNCLAIMED_MESSAGE', 'No client here takes this message.'));
}

/** @throws whatever else went wrong */
function refusalOf(error: unknown, envelope: InboundEnvelope, logger: Logger): HttpRefusal {
  if (!isAsyncMcpError(error, 'ERR_SIGNATURE_INVALID')) throw error;
  return notSigned(envelope, error, logger);
}

/** The sender is told no more than the reason; the rest is for who reads the log here. */
function notSigned({ clientId, sessionId }: InboundEnvelope, error: AsyncMcpError, logger: Logger): HttpRefusal {
  const { reason } = error.details;
  const hint = 'refused a webhook; from servers that do not sign, a receiver takes them with secrets: false';
  logger.warn({ err: error, clientId, sessionId }, reason === 'missing' ? hint : 'refused a webhook');
  const text = `The webhook was refused; its signature: ${String(reason)}.`;
  return httpRefusal(401, new AsyncMcpError('ERR_SIGNATURE_INVALID', text, { details: { reason } }));
}

function replayed(): AsyncMcpError {
  const text = 'Webhook refused: this very delivery, or a later try of it, was here before.';
  return new AsyncMcpError('ERR_SIGNATURE_INVALID', text, { details: { reason: 'replay' } });
}

function notNow(): HttpRefusal {
  const text = 'The message cannot be taken now; send it again.';
  return httpRefusal(503, new AsyncMcpError('ERR_UNAVAILABLE', text), RETRY_SOON);
}

function closed(): HttpRefusal {
  return httpRefusal(503, new AsyncMcpError('ERR_CLOSED', 'This receiver is closed.'), RETRY_SOON);
}

function wrongType(): HttpRefusal {
  const text = 'Send the message with Content-Type: application/json.';
  return httpRefusal(415, new AsyncMcpError('ERR_MESSAGE_INVALID', text));
}

function wrongMethod(): HttpRefusal {
  return httpRefusal(405, new AsyncMcpError('ERR_MESSAGE_INVALID', 'POST a message.'), { allow: 'POST' });
}

function answer(reply: FastifyReply, refusal: Outcome): void {
  if (refusal === undefined) sendJson(reply, 200, SUCCESS);
  else sendRefusal(reply, refusal);
}
