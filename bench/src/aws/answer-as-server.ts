import { answerParent } from '../answer-parent.js';
import { liveHeap } from '../heap.js';
import { createCountedClients } from './aws-clients.js';
import type { AsyncMcpError } from '@asyncmcp/core';
import type { CrowdServerCommands } from '../contender.js';
import type { AwsClients, CountedClients } from './aws-clients.js';
import type { Channels } from './channels.js';

/** What this project's servers over AWS have in common. */
interface Server {
  onerror?: ((error: AsyncMcpError) => void) | undefined;
  readonly sessions: { list(): readonly unknown[] };
  start(): Promise<void>;
}

export interface AwsServerStart extends Channels {
  /** How many sessions it may hold; by default what is the server's own default. */
  readonly maxSessions?: number;
}

export type AwsServerCommands = CrowdServerCommands<AwsServerStart>;

interface Running {
  readonly clients: CountedClients;
  readonly server: Server;
}

/** The server side, by this project. */
export function answerAsServer(createServer: (clients: AwsClients, start: AwsServerStart) => Server): void {
  let running: Running | undefined;
  const get = (): Running => {
    if (running === undefined) throw new Error('not started');
    return running;
  };
  answerParent<AwsServerCommands>({
    async start(start) {
      const clients = createCountedClients(start.endpoint);
      const server = createServer(clients, start);
      server.onerror = (error) => console.error('asyncmcp server:', error);
      await server.start();
      running = { clients, server };
    },
    usage: () => get().clients.usage(),
    sessions: () => get().server.sessions.list().length,
    heap: liveHeap,
  });
}
