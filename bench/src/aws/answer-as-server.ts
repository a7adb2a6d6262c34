import { answerParent } from '../answer-parent.js';
import { createCountedClients } from './aws-clients.js';
import type { AsyncMcpError } from '@asyncmcp/core';
import type { ServerCommands } from '../contender.js';
import type { AwsClients, CountedClients } from './aws-clients.js';
import type { Channels } from './channels.js';

/** What this project's servers over AWS have in common. */
interface Server {
  onerror?: ((error: AsyncMcpError) => void) | undefined;
  start(): Promise<void>;
}

/** The server side, by this project. */
export function answerAsServer(createServer: (clients: AwsClients, channels: Channels) => Server): void {
  let clients: CountedClients | undefined;
  answerParent<ServerCommands<Channels>>({
    async start(channels) {
      clients = createCountedClients(channels.endpoint);
      const server = createServer(clients, channels);
      server.onerror = (error) => console.error('asyncmcp server:', error);
      await server.start();
    },
    usage() {
      if (clients === undefined) throw new Error('not started');
      return clients.usage();
    },
  });
}
