/** The server side, by the MCP SDK alone: an `McpServer` a session behind a fastify, which posts what it says to the client's. */
import { randomUUID } from 'node:crypto';
import { fastify } from 'fastify';
import { Pool } from 'undici';
import { answerParent } from '../answer-parent.js';
import { createEchoServer } from '../echo-server.js';
import { CONNECTIONS, replyHeaders } from './by-hand-messages.js';
import { BareTransport } from './sdk-transport.js';
import { countRequests } from './usage.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { ServerCommands } from '../contender.js';

const usage = countRequests();

const serverId = randomUUID();

/** Answers with its URL. */
export type SdkServerCommands = ServerCommands<undefined, string>;

answerParent<SdkServerCommands>({
  start() {
    const app = fastify();
    const sessions = new Map<string, BareTransport>();
    let client: Pool | undefined;

    async function open(sessionId: string): Promise<BareTransport> {
      if (client === undefined) throw new Error('no client has said where it listens');
      const session = { 'x-session-id': sessionId };
      const transport = new BareTransport(client, '/reply', () => ({ ...replyHeaders(), ...session }));
      sessions.set(sessionId, transport);
      await createEchoServer().connect(transport);
      return transport;
    }

    app.post<{ Body: { url: string } }>('/client', async ({ body }, reply) => {
      client = new Pool(body.url, { connections: CONNECTIONS });
      return reply.code(204).send();
    });
    app.post<{ Body: JSONRPCMessage }>('/request', async ({ body, headers }, reply) => {
      const sessionId = String(headers['x-session-id']);
      const transport = sessions.get(sessionId) ?? (await open(sessionId));
      transport.onmessage?.(body);
      return reply.code(202).send({ status: 'received', server: serverId, attempt: 1 });
    });
    return app.listen({ host: '127.0.0.1', port: 0 });
  },
  usage,
});
