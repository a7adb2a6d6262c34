/** The server side, by this project. */
import { answerParent } from '../answer-parent.js';
import { createEchoServer } from '../echo-server.js';
import { liveHeap } from '../heap.js';
import { countRequests } from '../webhook/usage.js';
import { createStreamableServer } from './create-server.js';
import type { StreamableWebhookServer } from '@asyncmcp/streamable-webhook';
import type { CrowdServerCommands } from '../contender.js';

/** Which way the results of its tool take. */
export type Way = 'connection' | 'webhook';

export interface StreamableServerStart {
  readonly way: Way;
  /** How many sessions it may hold; by default what is the server's own default. */
  readonly maxSessions?: number;
}

/** Starting answers with its URL. */
export type AsyncMcpServerCommands = CrowdServerCommands<StreamableServerStart, string>;

const usage = countRequests();
let server: StreamableWebhookServer | undefined;

answerParent<AsyncMcpServerCommands>({
  async start({ way, ...limits }) {
    const webhookTools = way === 'webhook' ? ['echo'] : [];
    server = createStreamableServer({ ...limits, createServer: createEchoServer, webhookTools });
    const { url } = await server.listen({ port: 0 });
    return `${url}/mcp`;
  },
  usage,
  sessions() {
    if (server === undefined) throw new Error('not started');
    return server.sessions.list().length;
  },
  heap: liveHeap,
});
