import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach } from '@jest/globals';
import { ClientTransport, isRequest } from '@asyncmcp/core';
import { WebhookReceiver, createSigner } from '../src/index.js';
import { http } from './http-client.js';
import type {
  AsyncMcpError,
  ClientWire,
  ClientWireEvents,
  Delivery,
  Envelope,
  InboundEnvelope,
  Logger,
} from '@asyncmcp/core';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { Attachment, ReceiverClient, WebhookReceiverOptions } from '../src/index.js';
import type { Answer } from './http-client.js';

const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Closes something when the test ends. */
export function atTheEnd(close: () => unknown): void {
  closers.push(close);
}

/** Log lines by level. */
export interface Lines extends Logger {
  readonly lines: { readonly level: string; readonly facts: object; readonly message: string }[];
  /** Called with each line, after it is noted. */
  onLine: (message: string) => void;
}

export function recordingLogger(): Lines {
  const write = (level: string) => (facts: object, message: string) => {
    logger.lines.push({ level, facts, message });
    logger.onLine(message);
  };
  const logger: Lines = {
    lines: [],
    onLine: () => {},
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  };
  return logger;
}

export interface StartedReceiver {
  readonly receiver: WebhookReceiver;
  /** Of its route. */
  readonly url: string;
  readonly port: number;
  readonly logger: Lines;
  /** Resolves when so many messages have begun to wait, counted from now. */
  readonly waiting: (count?: number) => Promise<void>;
}

/** A receiver with a port of its own; closed after the test. */
export async function startReceiver(options: WebhookReceiverOptions = {}): Promise<StartedReceiver> {
  const logger = recordingLogger();
  const receiver = new WebhookReceiver({ logger, ...options });
  atTheEnd(() => receiver.close());
  const { url, port } = await receiver.listen({ port: 0 });
  return { receiver, url: url + receiver.path, port, logger, waiting: (count = 1) => waitingMessages(logger, count) };
}

export function waitingMessages(logger: Lines, count = 1): Promise<void> {
  return new Promise((resolve) => {
    let left = count;
    logger.onLine = (message) => {
      if (message === 'there is no client for a message yet' && --left === 0) resolve();
    };
  });
}

/** A client transport's side of a receiver that takes whatever it is given and keeps it. */
export class FakeClient implements ReceiverClient {
  readonly clientId: string;
  readonly received: Delivery[] = [];
  readonly repeated: InboundEnvelope[] = [];
  readonly discarded: InboundEnvelope[] = [];
  readonly lost: AsyncMcpError[] = [];
  session: string | undefined;
  /** What it accepts. Default: everything. */
  accepts: (envelope: InboundEnvelope) => boolean = () => true;
  /** What it does with a message before it is acked. */
  take: (delivery: Delivery) => Promise<void> = async () => {};
  readonly events: ClientWireEvents = {
    accepts: (envelope) => this.accepts(envelope),
    receive: async (delivery) => {
      this.received.push(delivery);
      await this.take(delivery);
      await delivery.ack();
    },
    discarded: (envelope) => void this.discarded.push(envelope),
    repeated: (envelope) => void this.repeated.push(envelope),
    failed: () => {},
    lost: (error) => void this.lost.push(error),
  };

  constructor(clientId = 'client', session?: string) {
    this.clientId = clientId;
    this.session = session;
  }

  sessionId(): string | undefined {
    return this.session;
  }

  get bodies(): readonly string[] {
    return this.received.map(({ envelope }) => envelope.body);
  }
}

export const BODY = '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}';

export function seconds(): number {
  return Math.floor(Date.now() / 1000);
}

/** The headers of a signed message for a client. */
export function signed(
  secret: string | undefined,
  { body = BODY, id = 'msg_1', timestamp = seconds(), client = 'client' } = {},
): Record<string, string> {
  return { 'x-client-id': client, ...createSigner(secret ?? '').sign(id, body, timestamp) };
}

export function post(url: string, headers: Record<string, string>, body = BODY): Promise<Answer> {
  return http('POST', url, { headers, body });
}

/**
 * Sends bytes as they are, part by part, and resolves with all that comes back until the connection is closed.
 *
 * @param end - what the sender does afterwards. Default: it leaves closing to the other end
 */
export async function raw(port: number, parts: readonly (string | Buffer)[], end?: 'end' | 'destroy'): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.setEncoding('latin1');
  socket.on('data', (text: string) => void (answer += text));
  // Whoever sends nonsense is cut off, sometimes while it is still sending.
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
  });
  await Promise.race([once(socket, 'connect'), closed]);
  for (const part of parts) {
    await new Promise<void>((resolve) => {
      // Sent or not: the other end may be gone.
      socket.write(part, () => resolve());
    });
  }
  if (end !== undefined) socket[end]();
  await closed;
  return answer;
}

/** A POST as it is written on the line, whose connection ends after the answer. */
export function rawPost(path: string, headers: readonly string[], body: string): string {
  const length = Buffer.byteLength(body);
  const fixed = ['Host: localhost', 'Connection: close', `Content-Length: ${length}`];
  return [`POST ${path} HTTP/1.1`, ...fixed, ...headers, '', body].join('\r\n');
}

/** What JSON-RPC error an answer's body is. */
export function errorOf({ body }: Pick<Answer, 'body'>): unknown {
  const { jsonrpc, error } = body as { jsonrpc?: unknown; error?: { data?: { code?: unknown } } };
  return jsonrpc === '2.0' ? error?.data?.code : undefined;
}

export interface RealClient {
  readonly transport: ClientTransport;
  /** What the SDK was handed. */
  readonly messages: readonly JSONRPCMessage[];
  /** What its server should answer to its initialize. */
  readonly answer: string;
  /** What its server should sign with. */
  readonly secret: string | undefined;
}

/** A real client transport that has sent an initialize, to nowhere. Closed after the test. */
export async function realClient(receiver: WebhookReceiver, clientId?: string): Promise<RealClient> {
  const sent: Envelope[] = [];
  const messages: JSONRPCMessage[] = [];
  let attachment: Attachment | undefined;
  const wire: ClientWire = {
    async open(events) {
      const { clientId: id } = transport;
      attachment = receiver.attach({ clientId: id, sessionId: () => transport.sessionId, events });
      return 'http://127.0.0.1/';
    },
    publish: async (envelope) => void sent.push(envelope),
    publishTo: async () => {},
    allowsAddress: () => false,
    terminate: async () => {},
    withReplyAddress: (params) => ({ ...params }),
    close: async () => attachment?.detach(),
  };
  const transport = new ClientTransport({ wire, clientId });
  transport.onmessage = (message) => void messages.push(message);
  await transport.start();
  atTheEnd(() => transport.close());
  await transport.send({
    jsonrpc: '2.0',
    id: 0,
    method: 'initialize',
    params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
  });
  const initialize = sent[0]?.message;
  if (initialize === undefined || !isRequest(initialize)) throw new Error('Nothing was sent.');
  const result = { protocolVersion: '2025-06-18', capabilities: {}, serverInfo: { name: 'test', version: '1' } };
  const answer = JSON.stringify({ jsonrpc: '2.0', id: initialize.id, result });
  return { transport, messages, answer, secret: attachment?.secret };
}
