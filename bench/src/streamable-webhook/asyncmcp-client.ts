/** The client side for results by webhook, by this project: the SDK's `Client` over transports that share one receiver. */
import { StreamableWebhookClientTransport } from '@asyncmcp/streamable-webhook';
import { WebhookReceiver } from '@asyncmcp/webhook';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { answerParent } from '../answer-parent.js';
import { callEcho } from '../call-echo.js';
import { makeCalls } from '../make-calls.js';
import { countRequests } from '../webhook/usage.js';
import type { ClientCommands } from '../contender.js';
import type { Connect } from './connection-client.js';

export type AsyncMcpClientCommands = ClientCommands<Connect>;

const usage = countRequests();
let clients: readonly Client[] = [];

answerParent<AsyncMcpClientCommands>({
  async connect({ serverUrl, sessions }) {
    const receiver = new WebhookReceiver();
    const { url } = await receiver.listen({ port: 0 });
    const webhookUrl = `${url}/webhook/response`;
    const connect = async (): Promise<Client> => {
      const client = new Client({ name: 'bench', version: '1.0.0' });
      client.onerror = (error) => console.error('asyncmcp client:', error);
      await client.connect(new StreamableWebhookClientTransport({ serverUrl, webhookUrl, receiver }));
      return client;
    };
    clients = await Promise.all(Array.from({ length: sessions }, connect));
  },
  call: (workload) =>
    makeCalls(workload, (lane) => {
      const client = clients[lane % clients.length];
      if (client === undefined) throw new Error('not connected');
      return callEcho(client);
    }),
  usage,
});
