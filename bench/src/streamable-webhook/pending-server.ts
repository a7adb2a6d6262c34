/** A server whose tool takes until it is told to end. */
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { answerParent } from '../answer-parent.js';
import { countSockets } from '../webhook/count-sockets.js';
import { createStreamableServer } from './create-server.js';
import type { SocketCount } from '../webhook/count-sockets.js';

export type PendingServerCommands = {
  /** Answers with its URL. */
  start: { input: undefined; output: string };
  /** Calls that are running now. */
  running: { input: undefined; output: number };
  sockets: { input: undefined; output: SocketCount };
  /** Ends all calls. */
  finish: { input: undefined; output: void };
};

const sockets = countSockets();
const running = new Set<() => void>();

function createWaitingServer(): McpServer {
  const server = new McpServer({ name: 'bench', version: '1.0.0' });
  server.registerTool('wait', { description: 'Takes its time' }, async () => {
    await new Promise<void>((resolve) => {
      running.add(resolve);
    });
    return { content: [{ type: 'text', text: 'done' }] };
  });
  return server;
}

answerParent<PendingServerCommands>({
  async start() {
    const server = createStreamableServer({
      createServer: createWaitingServer,
      webhookTools: ['wait'],
      concurrency: 1000,
      maxCallsPerSession: 1000,
    });
    const { url } = await server.listen({ port: 0 });
    return `${url}/mcp`;
  },
  running: () => running.size,
  sockets,
  finish() {
    for (const end of running) end();
    running.clear();
  },
});
