import { setImmediate as turn } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { createDelivery } from '../src/delivery.js';
import { createMetadata } from '../src/envelope.js';
import { isErrorResponse, isRequest, isResponse } from '../src/jsonrpc.js';
import { silentLogger } from '../src/logger.js';
import { SessionHost } from '../src/session-host.js';
import { MemorySessionStore } from '../src/session-store.js';
import type {
  JSONRPCErrorResponse,
  JSONRPCMessage,
  JSONRPCNotification,
  JSONRPCRequest,
} from '@modelcontextprotocol/sdk/types.js';
import type { Envelope, InboundEnvelope } from '../src/envelope.js';
import type { AsyncMcpError } from '../src/errors.js';
import type { ServerLike } from '../src/session.js';
import type { SessionHostOptions } from '../src/session-host.js';

/** What a test waits for, or holds back. */
export interface Gate {
  readonly opened: Promise<void>;
  open(): void;
}

export function createGate(): Gate {
  let open: () => void = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

/** Resolves once `condition` holds; it is looked at once per turn of the event loop. */
export async function until(condition: () => boolean, timeoutMs = 5000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`Not within ${timeoutMs} ms: ${condition.toString()}`);
    await turn();
  }
}

/** Lets everything happen that waits for nothing but the event loop. */
export async function settle(): Promise<void> {
  for (let turns = 0; turns < 5; turns++) await turn();
}

/** Puts `Date.now()` forward, without waiting. Restored by `jest.restoreAllMocks()`. */
export function movableClock(): { advance(ms: number): void } {
  const now = Date.now.bind(Date);
  let offset = 0;
  jest.spyOn(Date, 'now').mockImplementation(() => now() + offset);
  return { advance: (ms) => void (offset += ms) };
}

/** A store whose operations can be made to wait or fail. */
export class FaultyStore extends MemorySessionStore {
  /** Called before each operation; what it rejects with is what the store rejects with. */
  before: (operation: 'get' | 'put' | 'delete' | 'touch') => Promise<void> = async () => {};

  override async get(...args: Parameters<MemorySessionStore['get']>): ReturnType<MemorySessionStore['get']> {
    await this.before('get');
    return super.get(...args);
  }

  override async put(...args: Parameters<MemorySessionStore['put']>): Promise<void> {
    await this.before('put');
    return super.put(...args);
  }

  override async delete(...args: Parameters<MemorySessionStore['delete']>): Promise<boolean> {
    await this.before('delete');
    return super.delete(...args);
  }

  override async touch(...args: Parameters<MemorySessionStore['touch']>): Promise<boolean> {
    await this.before('touch');
    return super.touch(...args);
  }
}

/** A server with the given tools; each answers an empty result when its function is done. */
export function serverWith(tools: Readonly<Record<string, () => Promise<void>>> = {}): McpServer {
  const server = new McpServer({ name: 'test', version: '1.0.0' });
  for (const [name, run] of Object.entries({ quick: async () => {}, ...tools })) {
    server.registerTool(name, {}, async () => {
      await run();
      return { content: [] };
    });
  }
  return server;
}

export function toolCall(id: number, name = 'quick'): JSONRPCRequest {
  return { jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: {} } };
}

export function cancellation(requestId: number): JSONRPCNotification {
  return { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } };
}

export function initialize(capabilities: object = {}): JSONRPCRequest {
  const clientInfo = { name: 'client', version: '1.0.0' };
  return {
    jsonrpc: '2.0',
    id: 0,
    method: 'initialize',
    params: { protocolVersion: '2025-06-18', capabilities, clientInfo, _meta: { responseQueueUrl: 'replies' } },
  };
}

const INITIALIZED = { jsonrpc: '2.0', method: 'notifications/initialized' } as const;

export interface Sent {
  readonly message: JSONRPCMessage | 'terminate';
  readonly clientId?: string;
  readonly sessionId?: string;
  readonly messageId?: string;
  readonly principal?: string;
  readonly attempt?: number;
  /** The sender waits to hear what becomes of it, as over HTTP. */
  readonly waits?: boolean;
  /** It names no reply address of its own, as those of older peers do not. */
  readonly namesNoAddress?: boolean;
  /** Its sender has not named it. */
  readonly isUnnamed?: boolean;
}

/** A message on its way through the host, and how it was settled. */
export interface Handled {
  /** Resolves when the host has no more to do with it for now. */
  readonly received: Promise<void>;
  readonly settlement: () => 'ack' | 'retry' | 'reject' | 'leave' | undefined;
  /**
   * What a sender that waits was told: the session that took its message (`again <id>` for a copy, `waits <id>` where another process
   * works on it), or the error's code.
   */
  readonly told: readonly string[];
}

export interface TestHost {
  readonly host: SessionHost;
  /** What was sent to clients. */
  readonly sent: Envelope[];
  readonly errors: AsyncMcpError[];
  /** For another host of the same kind. */
  readonly options: TestHostOptions;
  receive(message: Sent): Handled;
  /** Closes it, whatever that comes to: `closeHosts` does not. */
  close(): Promise<void>;
  /** Opens a session and resolves with its id. */
  open(clientId?: string): Promise<string>;
  /** The response to a client's request: `ok`, the error's code, or undefined while there is none. */
  answer(id: number, clientId?: string): string | undefined;
}

const hosts: SessionHost[] = [];

/** Closes the hosts of a test; for `afterEach`. */
export async function closeHosts(): Promise<void> {
  await Promise.all(hosts.splice(0).map((host) => host.close()));
}

export interface TestHostOptions extends Partial<Omit<SessionHostOptions, 'replyPort' | 'createServer'>> {
  readonly createServer?: () => ServerLike | Promise<ServerLike>;
  /** Called before an envelope is taken; what it rejects with is what sending rejects with. */
  readonly sending?: (envelope: Envelope) => Promise<void>;
}

/** A host that is started, its reply port a list. Its defaults are short: nothing here waits for them. */
export function startHost({ sending = async () => {}, ...options }: TestHostOptions = {}): TestHost {
  const sent: Envelope[] = [];
  const errors: AsyncMcpError[] = [];
  const host = new SessionHost({
    createServer: () => serverWith(),
    store: new MemorySessionStore(),
    callLeaseMs: 30_000,
    maxSessions: 100,
    sessionIdleTimeoutMs: 60_000,
    sessionTtlMs: 3_600_000,
    concurrency: 10,
    maxAttempts: 3,
    drainTimeoutMs: 20,
    logger: silentLogger,
    onerror: (error) => errors.push(error),
    ...options,
    replyPort: {
      allows: () => true,
      addressOf: () => 'replies',
      send: async (_address, envelope) => {
        await sending(envelope);
        sent.push(envelope);
      },
    },
  });
  hosts.push(host);
  host.start();
  const self: TestHost = {
    host,
    sent,
    errors,
    options: { ...options, sending },
    receive(message) {
      let settlement: ReturnType<Handled['settlement']>;
      const told: string[] = [];
      const sender = {
        taken: (sessionId: string, begun: boolean): void => void told.push(begun ? sessionId : `again ${sessionId}`),
        refuse: ({ error }: JSONRPCErrorResponse): void => void told.push(codeOf(error.data)),
      };
      const delivery = createDelivery(inbound(message), message.attempt ?? 1, {
        ack: async () => void (settlement = 'ack'),
        retry: async () => void (settlement = 'retry'),
        reject: async () => void (settlement = 'reject'),
        leave: async () => void (settlement = 'leave'),
        ...(message.waits === true && { sender, waits: (sessionId) => void told.push(`waits ${sessionId}`) }),
      });
      return { received: host.receive(delivery), settlement: () => settlement, told };
    },
    close() {
      hosts.splice(hosts.indexOf(host), 1);
      return host.close();
    },
    async open(clientId = 'client') {
      const before = sent.length;
      await self.receive({ message: initialize(), clientId }).received;
      const sessionId = sent[before]?.sessionId;
      if (sessionId === undefined) throw new Error('no session was opened');
      await self.receive({ message: INITIALIZED, clientId, sessionId }).received;
      return sessionId;
    },
    answer(id, clientId = 'client') {
      const found = sent.find(
        ({ message, ...rest }) => isResponse(message) && message.id === id && rest.clientId === clientId,
      );
      if (found === undefined) return undefined;
      return isErrorResponse(found.message) ? codeOf(found.message.error.data) : 'ok';
    },
  };
  return self;
}

function codeOf(data: unknown): string {
  return typeof data === 'object' && data !== null && 'code' in data ? String(data.code) : 'error';
}

/** A message as it comes in. */
export function inbound({
  message,
  clientId = 'client',
  sessionId,
  messageId,
  principal,
  ...sent
}: Sent): InboundEnvelope {
  const replyTo = sent.namesNoAddress === true ? undefined : 'replies';
  return {
    ...createMetadata({ clientId, sessionId, messageId, replyTo }),
    ...(principal !== undefined && { principal }),
    ...(sent.isUnnamed === true && { unnamed: true }),
    ...(message !== 'terminate' && isRequest(message) && { requestIdHint: message.id }),
    type: message === 'terminate' ? 'terminate' : 'jsonrpc',
    body: message === 'terminate' ? '{}' : JSON.stringify(message),
    extended: true,
  };
}
