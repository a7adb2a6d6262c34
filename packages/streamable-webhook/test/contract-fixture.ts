import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { request as send } from 'undici';
import { isRecord, isRequestId } from '@asyncmcp/core';
import { listenOnLoopback, startHttpProxy } from '@asyncmcp/testkit';
import { WebhookReceiver, createSigner, createVerifier, generateSecret } from '@asyncmcp/webhook';
import { Header, StreamableHeader, decodeHeaders } from '@asyncmcp/webhook/parts';
import { StreamableWebhookClientTransport, StreamableWebhookServer } from '../src/index.js';
import type { Readable } from 'node:stream';
import type { InboundEnvelope } from '@asyncmcp/core';
import type {
  ContractFixture,
  HttpProxy,
  PeerWire,
  ProxiedRequest,
  ProxyRoute,
  RawMessage,
  Refusal,
} from '@asyncmcp/testkit';
import type { ReceivedHeaders } from '@asyncmcp/webhook/parts';
import type { WebhookTools } from '../src/index.js';

/** Small, so that what is too large is not slow. */
const MAX_MESSAGE_BYTES = 300_000;
const RECEIVER = '/webhook/response';
const SERVER = '/mcp';

const MALFORMED = { by: 'reply', code: -32700, dataCode: 'ERR_MESSAGE_INVALID', says: /not valid JSON/ } as const;

/**
 * HTTP answers who is there: nothing that a stranger sends is dead-lettered. What is wrong with the HTTP request
 * is answered without the id of a message, as MCP has it; and no id travels beside the body.
 */
const REFUSALS: Readonly<Record<string, Refusal>> = {
  'a body that is not JSON is answered in its session, under the id beside it': MALFORMED,
  'a body that is not JSON and says not whom to answer is dead-lettered': MALFORMED,
  "a bad body under another client's session is not answered to that client": MALFORMED,
  'a message that nests too deep is refused': {
    by: 'reply',
    code: -32600,
    dataCode: 'ERR_MESSAGE_INVALID',
    says: /nests deeper/,
  },
  'a request for an unknown session that says not where to answer is dead-lettered': {
    by: 'reply',
    code: -32001,
    dataCode: 'ERR_SESSION_NOT_FOUND',
    id: 9,
    says: /unknown, has ended/,
  },
  'an unknown protocol version is refused': {
    by: 'reply',
    code: -32600,
    dataCode: 'ERR_PROTOCOL_VERSION',
    says: /1999-12-31" is not supported. Supported: .*2025-06-18/,
  },
  'a single message cannot name a refused reply address either': {
    by: 'reply',
    code: -32600,
    dataCode: 'ERR_SESSION_REQUIRED',
    id: 9,
    says: /initialize/,
  },
  'an initialize that names a session is refused': {
    by: 'reply',
    code: -32600,
    dataCode: 'ERR_MESSAGE_INVALID',
    says: /opens a new session/,
  },
};

/** How the answers of tools travel. */
export type ToolsWay = 'sse' | 'webhook' | 'mixed';

const NOT_OVER_HTTP = {
  'a batch is refused': 'The server takes the JSON-RPC batches that clients of before MCP 2025-06-18 send.',
  'an initialize without a reply address is answered where the message says':
    'A client that gives no webhook is served over its connections.',
  'an initialize without any reply address is dead-lettered':
    'A client that gives no webhook is served over its connections.',
  'an answer to an address that is gone is kept as a dead letter, and reported':
    'There is no dead-letter queue: a webhook goes to onundelivered, and over a connection there is no address to send to.',
};

const CLOSED_ON_CALLER =
  'A caller who waits on a connection hears at once that the server shut down, for any other client would wait in vain.';

/** What of the contract this transport does otherwise, by the way that the answers of tools go, and why. */
export const NOT_SUPPORTED: Readonly<Record<ToolsWay, Readonly<Record<string, string>>>> = {
  webhook: NOT_OVER_HTTP,
  mixed: {
    ...NOT_OVER_HTTP,
    'a closing server answers what ends in time, and leaves the rest to the next': CLOSED_ON_CALLER,
  },
  sse: {
    ...NOT_OVER_HTTP,
    'a closing server answers what ends in time, and leaves the rest to the next': CLOSED_ON_CALLER,
    'a closing server gives back calls that wait for their client': CLOSED_ON_CALLER,
    'replies that arrive twice reach the caller once':
      'A connection delivers each byte of an answer once, or breaks; nothing on the way can repeat it.',
    'notifications and server requests that arrive twice reach the client once':
      'A connection delivers each byte of a stream once, or breaks; nothing on the way can repeat it.',
    'a result that is too large becomes an error that names both sizes':
      'An HTTP response may be of any size: the limit is for what is received and for webhooks.',
    'a notification that is too large fails its sender, not the call':
      'An HTTP response may be of any size: the limit is for what is received and for webhooks.',
  },
};

/** Servers behind a load balancer, one receiver for all client transports, and faults on the way between them. */
export async function createStreamableFixture(way: ToolsWay): Promise<ContractFixture> {
  const targets: string[] = [];
  const hooks = new Map<string, string>();
  const secret = generateSecret();
  const webhookTools = toolsByWay(way);
  let clientsListen = true;
  const requests = await startHttpProxy(createBalancer(targets, () => clientsListen));
  const replies = await startHttpProxy((path) => hooks.get(path));
  const receiver = new WebhookReceiver({ secrets: secret, maxMessageBytes: MAX_MESSAGE_BYTES, waitForClientMs: 50 });
  hooks.set(RECEIVER, (await receiver.listen({ port: 0 })).url);
  return {
    refusedAddress: 'http://10.1.2.3/webhook',
    maxMessageBytes: MAX_MESSAGE_BYTES,
    refusal: (expected, name) => REFUSALS[name] ?? expected,
    async startServer(options) {
      // A session whose client listens is not idle. Where sessions are to become idle, clients find nothing to listen to.
      if (options.sessionIdleTimeoutMs !== undefined || options.maxSessions !== undefined) clientsListen = false;
      const server = new StreamableWebhookServer({
        ...options,
        webhookTools,
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
      new StreamableWebhookClientTransport({
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
    // What a tool asks on a connection is lost with that: such a call may be sent twice only where it is asked by webhook.
    duplicateRequests: (count) =>
      requests.next(count, 'twice', (request) => way === 'webhook' || !isCallOfAskingTool(request)),
    duplicateReplies: (count) => replies.next(count, 'lose-answer'),
    failReplies(count) {
      if (way === 'sse') requests.next(count, 'lose-answer');
      else replies.next(count, 'unavailable');
    },
    async close() {
      await receiver.close();
      await Promise.all([requests.close(), replies.close()]);
    },
  };
}

function toolsByWay(way: ToolsWay): WebhookTools {
  if (way === 'sse') return [];
  if (way === 'webhook') return () => true;
  // Every other call of a session. A copy of a call, and one that is done again elsewhere, goes the way of the first.
  const decided = new Map<string, Map<string, boolean>>();
  return (name, args, { id }) => {
    const calls = decided.get(id) ?? new Map<string, boolean>();
    decided.set(id, calls);
    const call = JSON.stringify([name, args]);
    const byWebhook = calls.get(call) ?? calls.size % 2 === 0;
    calls.set(call, byWebhook);
    return byWebhook;
  };
}

/**
 * Requests take turns. What belongs to one process goes to one, by the session's id, as load balancers in front of Streamable HTTP do
 * it: the stream of what a session says by itself, what the client answers, and the calls of tools that ask it something.
 */
function createBalancer(targets: readonly string[], clientsListen: () => boolean): ProxyRoute {
  const homes = new Map<string, string>();
  let turn = 0;
  const next = (): string | undefined => targets[turn++ % Math.max(1, targets.length)];
  return (_path, request) => {
    if (request.method === 'GET' && !clientsListen()) return 405;
    const sessionId = request.headers[StreamableHeader.sessionId];
    if (typeof sessionId !== 'string' || !isOfOneProcess(request)) return next();
    const known = homes.get(sessionId);
    const home = known !== undefined && targets.includes(known) ? known : next();
    if (home !== undefined) homes.set(sessionId, home);
    return home;
  };
}

const ASKING_TOOLS: readonly unknown[] = [
  'sample',
  'sample-aside',
  'sample-impatiently',
  'sample-with-progress',
  'elicit',
  'roots',
];

function isOfOneProcess(request: ProxiedRequest): boolean {
  if (request.method === 'GET' || isCallOfAskingTool(request)) return true;
  const message = parsed(request.body);
  return isRecord(message) && !('method' in message && 'id' in message);
}

function isCallOfAskingTool({ body }: ProxiedRequest): boolean {
  const message = parsed(body);
  const params = isRecord(message) && message['method'] === 'tools/call' ? message['params'] : undefined;
  return isRecord(params) && ASKING_TOOLS.includes(params['name']);
}

interface PeerOptions {
  readonly requests: HttpProxy;
  readonly replies: HttpProxy;
  readonly hooks: Map<string, string>;
  readonly secret: string;
  readonly onMessage: (envelope: InboundEnvelope) => void;
}

/** Hears what is said to it as a client does: on the streams of its requests, on one of its own, and at its endpoint. */
async function createPeer({ requests, replies, hooks, secret, onMessage }: PeerOptions): Promise<PeerWire> {
  const path = `/peer-${randomUUID()}`;
  const endpoint = await startEndpoint(secret, onMessage);
  hooks.set(path, endpoint.url);
  const clientId = `peer-${randomUUID()}`;
  const url = requests.url + SERVER;
  const closing = new AbortController();
  const { signal } = closing;

  async function listen(sessionId: string): Promise<void> {
    const headers = { ...headersOf({ body: '', type: 'terminate', sessionId, clientId }), accept: 'text/event-stream' };
    const answer = await send(url, { method: 'GET', headers, signal, bodyTimeout: 0 });
    if (answer.statusCode === 200) void hear(answer.body, answer.headers);
    else await answer.body.dump();
  }

  async function hear(stream: Readable, headers: ReceivedHeaders, requestId?: unknown): Promise<void> {
    try {
      for await (const message of eventsOf(stream)) {
        // A stream is of the request it answers: this says what belongs to that.
        const related = isRequestId(requestId) && message.includes('"method"');
        const beside = related ? { [Header.relatedRequestId]: JSON.stringify(requestId) } : {};
        onMessage(decodeHeaders('jsonrpc', message, { ...headers, ...beside }));
      }
    } catch {
      // The connection is gone.
    }
  }

  return {
    clientId,
    address: replies.url + path,
    initializeMeta: (webhookUrl) => ({ webhookUrl, webhookSecret: secret }),
    async send(message) {
      const headers = headersOf(message);
      const init =
        message.type === 'terminate' ? { method: 'DELETE' as const } : { method: 'POST' as const, body: message.body };
      const answer = await send(url, { ...init, headers, signal, bodyTimeout: 0 });
      if (answer.headers['content-type'] === 'text/event-stream') {
        const sent = parsed(message.body);
        void hear(answer.body, answer.headers, isRecord(sent) ? sent['id'] : undefined);
        return;
      }
      const text = await answer.body.text();
      const opened = answer.statusCode === 200 && message.sessionId === undefined;
      const sessionId = answer.headers[StreamableHeader.sessionId];
      if (opened && typeof sessionId === 'string') await listen(sessionId);
      // A 202 says no more than that, and a 200 to a DELETE nothing at all.
      if (text !== '' && answer.statusCode !== 202) onMessage(decodeHeaders('jsonrpc', text, answer.headers));
    },
    async close() {
      hooks.delete(path);
      closing.abort();
      await endpoint.close();
    },
  };
}

/** The data of the events of a stream. Ours has one line of it each. */
async function* eventsOf(stream: Readable): AsyncGenerator<string> {
  for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) {
    if (line.startsWith('data: ')) yield line.slice('data: '.length);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Takes what is signed as it should be. */
async function startEndpoint(
  secret: string,
  onMessage: (envelope: InboundEnvelope) => void,
): Promise<{ url: string; close(): Promise<void> }> {
  const verifier = createVerifier({ secrets: secret });
  const server = createServer((request, response) => {
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
  const url = await listenOnLoopback(server);
  return {
    url,
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
  type,
}: RawMessage): Record<string, string> {
  const isMessage = type !== 'terminate';
  const known = {
    accept: isMessage ? 'application/json, text/event-stream' : undefined,
    'content-type': isMessage ? 'application/json' : undefined,
    [StreamableHeader.sessionId]: sessionId,
    [StreamableHeader.protocolVersion]: protocolVersion,
    [Header.clientId]: clientId,
    [Header.messageId]: messageId,
    [Header.replyTo]: replyTo,
  };
  const entries = Object.entries(known).filter((entry): entry is [string, string] =>
    /^[\x21-\x7e]/.test(entry[1] ?? ''),
  );
  return Object.fromEntries(entries);
}
