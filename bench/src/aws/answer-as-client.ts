import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { answerParent } from '../answer-parent.js';
import { callEcho } from '../call-echo.js';
import { makeCalls } from '../make-calls.js';
import { createCountedClients } from './aws-clients.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { ClientCommands } from '../contender.js';
import type { AwsClients, CountedClients } from './aws-clients.js';
import type { Channels } from './channels.js';

/** The client side, by this project: the SDK's `Client` over a transport. */
export function answerAsClient(createTransport: (clients: AwsClients, channels: Channels) => Transport): void {
  const mcp = new Client({ name: 'bench', version: '1.0.0' });
  let clients: CountedClients | undefined;
  answerParent<ClientCommands<Channels>>({
    async connect(channels) {
      clients = createCountedClients(channels.endpoint);
      mcp.onerror = (error) => console.error('asyncmcp client:', error);
      await mcp.connect(createTransport(clients, channels));
    },
    call: (workload) => makeCalls(workload, () => callEcho(mcp)),
    usage() {
      if (clients === undefined) throw new Error('not connected');
      return clients.usage();
    },
  });
}
