/** The server side of the SDK alone: its own transport, a session each, behind a fastify. */
import { randomUUID } from 'node:crypto';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { fastify } from 'fastify';
import { answerParent } from '../answer-parent.js';
import { createEchoServer } from '../echo-server.js';
import { countRequests } from '../webhook/usage.js';
import type { ServerCommands } from '../contender.js';

/** Answers with its URL. */
export type SdkServerCommands = ServerCommands<undefined, string>;

const usage = countRequests();

answerParent<SdkServerCommands>({
  async start() {
    const sessions = new Map<string, StreamableHTTPServerTransport>();
    const open = async (): Promise<StreamableHTTPServerTransport> => {
      const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized: (id) => void sessions.set(id, transport),
      });
      await createEchoServer().connect(transport);
      return transport;
    };
    const app = fastify();
    app.post('/mcp', async (request, reply) => {
      const transport = sessions.get(String(request.headers['mcp-session-id'])) ?? (await open());
      reply.hijack();
      await transport.handleRequest(request.raw, reply.raw, request.body);
    });
    return `${await app.listen({ host: '127.0.0.1', port: 0 })}/mcp`;
  },
  usage,
});
