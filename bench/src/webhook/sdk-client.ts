/** The client side, by the MCP SDK alone: its `Client`s over bare POSTs, and a fastify takes in the replies. */
import { randomUUID } from 'node:crypto';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { fastify } from 'fastify';
import { Pool } from 'undici';
import { answerParent } from '../answer-parent.js';
import { callEcho } from '../call-echo.js';
import { makeCalls } from '../make-calls.js';
import { CONNECTIONS, METADATA, post } from './by-hand-messages.js';
import { BareTransport } from './sdk-transport.js';
import { countRequests } from './usage.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { ClientCommands } from '../contender.js';

export interface SdkConnect {
  readonly serverUrl: string;
  /** Clients, each with a session of its own; calls in flight are spread over them. */
  readonly sessions: number;
}

export type SdkClientCommands = ClientCommands<SdkConnect>;

const usage = countRequests();
const transports = new Map<string, BareTransport>();
let clients: readonly Client[] = [];

async function listen(): Promise<string> {
  const app = fastify();
  app.post<{ Body: JSONRPCMessage }>('/reply', async ({ body, headers }, reply) => {
    transports.get(String(headers['x-session-id']))?.onmessage?.(body);
    return reply.send({ status: 'success' });
  });
  return app.listen({ host: '127.0.0.1', port: 0 });
}

function headersOf(message: JSONRPCMessage, session: Record<string, string>): Record<string, string> {
  return {
    ...METADATA,
    ...session,
    'x-protocol-version': '2025-11-25',
    'x-message-id': randomUUID(),
    ...('id' in message && { 'x-request-id': String(message.id) }),
    ...('method' in message && { 'x-method': message.method }),
  };
}

function clientOfLane(lane: number): Client {
  const client = clients[lane % clients.length];
  if (client === undefined) throw new Error('not connected');
  return client;
}

answerParent<SdkClientCommands>({
  async connect({ serverUrl, sessions }) {
    const server = new Pool(serverUrl, { connections: CONNECTIONS });
    await post(server, '/client', { url: await listen() });
    const connect = async (): Promise<Client> => {
      const sessionId = randomUUID();
      const session = { 'x-session-id': sessionId };
      const transport = new BareTransport(server, '/request', (message) => headersOf(message, session));
      transports.set(sessionId, transport);
      const client = new Client({ name: 'bench', version: '1.0.0' });
      await client.connect(transport);
      return client;
    };
    clients = await Promise.all(Array.from({ length: sessions }, connect));
  },
  call: (workload) => makeCalls(workload, (lane) => callEcho(clientOfLane(lane))),
  usage,
});
