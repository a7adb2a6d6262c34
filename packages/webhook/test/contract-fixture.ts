import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { request as send } from 'undici';
import { listenOnLoopback, startHttpProxy } from '@asyncmcp/testkit';
import {
  WebhookClientTransport,
  WebhookReceiver,
  WebhookServer,
  createSigner,
  createVerifier,
  generateSecret,
} from '../src/index.js';
import { decodeHeaders, Header } from '../src/http-wire.js';
import type { Server } from 'node:http';
import type { InboundEnvelope } from '@asyncmcp/core';
import type { ContractFixture, HttpProxy, PeerWire, RawMessage, Refusal } from '@asyncmcp/testkit';

/** Small, so that what is too large is not slow. */
const MAX_MESSAGE_BYTES = 300_000;
const RECEIVER = '/webhook/response';
const SERVER = '/mcp/request';

const NO_CLIENT_ID = { by: 'reply', code: -32600, dataCode: 'ERR_MESSAGE_INVALID', says: /X-Client-ID/ } as const;

/** HTTP answers who is there: nothing that a stranger sends is dead-lettered. */
const REFUSALS: Readonly<Record<string, Refusal>> = {
  'a body that is not JSON and says not whom to answer is dead-lettered': NO_CLIENT_ID,
  'a request that leaves out the client id of its session is refused': NO_CLIENT_ID,
  'an initialize without any reply address is dead-lettered': NO_CLIENT_ID,
  'a request for an unknown session that says not where to answer is dead-lettered': {
    by: 'reply',
    code: -32001,
    dataCode: 'ERR_SESSION_NOT_FOUND',
    id: 9,
    says: /unknown, has ended/,
  },
};

/** What of the contract HTTP does otherwise, and why. */
export const NOT_SUPPORTED = {
  'a request without a session is told to initialize':
    'A request that names no session is of the one session its client has, as the wire format says.',
  'a single message cannot name a refused reply address either':
    'A request that names no session is of the one session its client has, and its sender hears at once what is wrong with it.',
  'an answer to an address that is gone is kept as a dead letter, and reported':
    'There is no dead-letter queue: the reply itself goes to onundelivered, see server-close.test.ts.',
};

/** Servers behind a load balancer, one receiver for all client transports, and faults on the way between them. */
export async function createWebhookFixture(): Promise<ContractFixture> {
  const targets: string[] = [];
  const hooks = new Map<string, string>();
  const secret = generateSecret();
  let turn = 0;
  const requests = await startHttpProxy(() => targets[turn++ % Math.max(1, targets.length)]);
  const replies = await startHttpProxy((path) => hooks.get(path));
  const receiver = new WebhookReceiver({ secrets: secret, maxMessageBytes: MAX_MESSAGE_BYTES, waitForClientMs: 50 });
  hooks.set(RECEIVER, (await receiver.listen({ port: 0 })).url);
  return {
    refusedAddress: 'http://10.1.2.3/webhook',
    maxMessageBytes: MAX_MESSAGE_BYTES,
    refusal: (expected, name) => REFUSALS[name] ?? expected,
    async startServer(options) {
      const server = new WebhookServer({
        ...options,
        maxMessageBytes: MAX_MESSAGE_BYTES,
        maxCallsPerSession: 1000,
        allowWebhookUrl: ({ hostname }) => hostname === '127.0.0.1',
      });
      const { url } = await server.listen({ port: 0 });
      targets.push(url);
      const leave = (): void => void (targets.includes(url) && targets.splice(targets.indexOf(url), 1));
      options.signal?.addEventListener('abort', leave);
      return {
        get onerror() {
          return server.onerror;
        },
        set onerror(handler) {
          server.onerror = handler;
        },
        sessions: server.sessions,
        start: async () => void (await server.listen({ port: 0 })),
        close: () => {
          leave();
          return server.close();
        },
      };
    },
    createClientTransport: ({ clientId } = {}) =>
      new WebhookClientTransport({
        serverUrl: requests.url + SERVER,
        webhookUrl: replies.url + RECEIVER,
        receiver,
        clientId,
        resendAfterMs: 500,
        retryForMs: 4000,
      }),
    createPeer: (onMessage) => createPeer({ requests, replies, hooks, secret, onMessage }),
    async sendToClient(_transport, message) {
      const messageId = message.messageId ?? randomUUID();
      const headers = { ...headersOf(message), ...createSigner(secret).sign(messageId, message.body) };
      const { body } = await send(replies.url + RECEIVER, { method: 'POST', headers, body: message.body });
      await body.dump();
    },
    deadLetters: async () => [],
    duplicateRequests: (count) => requests.next(count, 'twice'),
    duplicateReplies: (count) => replies.next(count, 'lose-answer'),
    failReplies: (count) => replies.next(count, 'unavailable'),
    async close() {
      await receiver.close();
      await Promise.all([requests.close(), replies.close()]);
    },
  };
}

interface PeerOptions {
  readonly requests: HttpProxy;
  readonly replies: HttpProxy;
  readonly hooks: Map<string, string>;
  readonly secret: string;
  readonly onMessage: (envelope: InboundEnvelope) => void;
}

async function createPeer({ requests, replies, hooks, secret, onMessage }: PeerOptions): Promise<PeerWire> {
  const path = `/peer-${randomUUID()}`;
  const endpoint = await startEndpoint(secret, onMessage);
  hooks.set(path, endpoint.url);
  return {
    clientId: `peer-${randomUUID()}`,
    address: replies.url + path,
    initializeMeta: (webhookUrl) => ({ webhookUrl, webhookSecret: secret }),
    async send(message) {
      const terminate = message.type === 'terminate';
      const headers = headersOf(message);
      const init = terminate ? { method: 'DELETE' as const } : { method: 'POST' as const, body: message.body };
      const answer = await send(requests.url + SERVER, { ...init, headers });
      const text = await answer.body.text();
      if (answer.statusCode >= 300) onMessage(decodeHeaders('jsonrpc', text, answer.headers));
    },
    async close() {
      hooks.delete(path);
      await endpoint.close();
    },
  };
}

/** Takes what is signed as it should be. */
async function startEndpoint(
  secret: string,
  onMessage: (envelope: InboundEnvelope) => void,
): Promise<{ url: string; close(): Promise<void> }> {
  const verifier = createVerifier({ secrets: secret });
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => void chunks.push(chunk));
    request.on('end', () => {
      const bytes = Buffer.concat(chunks);
      if (bytes.length > MAX_MESSAGE_BYTES) return response.writeHead(413).end(tooLarge());
      verifier.verify(request.headers, bytes);
      onMessage(decodeHeaders('jsonrpc', bytes.toString('utf8'), request.headers));
      return response.writeHead(200).end();
    });
  });
  const origin = await listenOnLoopback(server);
  return {
    url: origin,
    async close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function tooLarge(): string {
  const data = { code: 'ERR_MESSAGE_TOO_LARGE', limitBytes: MAX_MESSAGE_BYTES };
  return JSON.stringify({ jsonrpc: '2.0', error: { code: -32600, message: 'too large', data } });
}

function headersOf({
  messageId,
  sessionId,
  clientId,
  protocolVersion,
  replyTo,
  requestId,
  type,
}: RawMessage): Record<string, string> {
  const known = {
    [Header.messageId]: messageId,
    [Header.sessionId]: sessionId,
    [Header.clientId]: clientId,
    [Header.protocolVersion]: protocolVersion,
    [Header.replyTo]: replyTo,
    [Header.requestId]: requestId === undefined ? undefined : String(requestId),
    'content-type': type === 'terminate' ? undefined : 'application/json',
  };
  const entries = Object.entries(known).filter((entry): entry is [string, string] =>
    /^[\x21-\x7e]/.test(entry[1] ?? ''),
  );
  return Object.fromEntries(entries);
}
