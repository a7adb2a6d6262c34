/** The server side, by this project. */
import { answerParent } from '../answer-parent.js';
import { createWebhookServer } from './create-server.js';
import { countRequests } from './usage.js';
import type { ServerCommands } from '../contender.js';

/** Answers with the URL that requests are posted to. */
export type AsyncMcpServerCommands = ServerCommands<undefined, string>;

const usage = countRequests();

answerParent<AsyncMcpServerCommands>({
  async start() {
    const { url } = await createWebhookServer().listen({ port: 0 });
    return `${url}/mcp/request`;
  },
  usage,
});
