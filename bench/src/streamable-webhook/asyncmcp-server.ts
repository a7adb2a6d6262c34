/** The server side, by this project. */
import { answerParent } from '../answer-parent.js';
import { countRequests } from '../webhook/usage.js';
import { createEchoServer } from '../echo-server.js';
import { createStreamableServer } from './create-server.js';
import type { ServerCommands } from '../contender.js';

/** Which way the results of its tool take. */
export type Way = 'connection' | 'webhook';

/** Answers with its URL. */
export type AsyncMcpServerCommands = ServerCommands<Way, string>;

const usage = countRequests();

answerParent<AsyncMcpServerCommands>({
  async start(way) {
    const webhookTools = way === 'webhook' ? ['echo'] : [];
    const { url } = await createStreamableServer({ createServer: createEchoServer, webhookTools }).listen({ port: 0 });
    return `${url}/mcp`;
  },
  usage,
});
