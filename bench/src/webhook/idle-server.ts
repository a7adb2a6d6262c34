/** A `WebhookServer` that holds many sessions. */
import { answerParent } from '../answer-parent.js';
import { liveHeap } from '../heap.js';
import { countSockets } from './count-sockets.js';
import { createWebhookServer } from './create-server.js';
import type { WebhookServer } from '@asyncmcp/webhook';
import type { SocketCount } from './count-sockets.js';

export type IdleServerCommands = {
  /** With the most sessions it may hold; answers with the URL that requests are posted to. */
  start: { input: number; output: string };
  sessions: { input: undefined; output: number };
  sockets: { input: undefined; output: SocketCount };
  /** Bytes. */
  heap: { input: undefined; output: number };
};

const sockets = countSockets();
let server: WebhookServer | undefined;

answerParent<IdleServerCommands>({
  async start(maxSessions) {
    server = createWebhookServer({ maxSessions });
    const { url } = await server.listen({ port: 0 });
    return `${url}/mcp/request`;
  },
  sessions() {
    if (server === undefined) throw new Error('not started');
    return server.sessions.list().length;
  },
  sockets,
  heap: liveHeap,
});
