/** The server side, by this project. */
import { answerParent } from '../answer-parent.js';
import { liveHeap } from '../heap.js';
import { countSockets } from './count-sockets.js';
import { createWebhookServer } from './create-server.js';
import { countRequests } from './usage.js';
import type { WebhookServer } from '@asyncmcp/webhook';
import type { CrowdServerCommands } from '../contender.js';
import type { SocketCount } from './count-sockets.js';

export interface HttpServerStart {
  /** How many sessions it may hold; by default what is the server's own default. */
  readonly maxSessions?: number;
}

/** Starting answers with the URL that requests are posted to. */
export type AsyncMcpServerCommands = CrowdServerCommands<HttpServerStart, string> & {
  sockets: { input: undefined; output: SocketCount };
};

const usage = countRequests();
const sockets = countSockets();
let server: WebhookServer | undefined;

answerParent<AsyncMcpServerCommands>({
  async start(options) {
    server = createWebhookServer(options);
    const { url } = await server.listen({ port: 0 });
    return `${url}/mcp/request`;
  },
  usage,
  sessions() {
    if (server === undefined) throw new Error('not started');
    return server.sessions.list().length;
  },
  sockets,
  heap: liveHeap,
});
