/** The client side, by this project: the SDK's `Client` over transports that share one receiver. */
import { WebhookClientTransport, WebhookReceiver } from '@asyncmcp/webhook';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { answerParent } from '../answer-parent.js';
import { callEcho } from '../call-echo.js';
import { makeCalls } from '../make-calls.js';
import { countRequests } from './usage.js';
import type { ClientCommands } from '../contender.js';

/** How this project's client side is set up. */
export interface ClientSetup {
  /** Clients, each with a session, a transport and connections of its own; calls in flight are spread over them. */
  readonly sessions: number;
  /** Whether webhooks are signed and verified, as they are by default. */
  readonly signed: boolean;
}

export interface AsyncMcpConnect extends ClientSetup {
  readonly serverUrl: string;
}

export type AsyncMcpClientCommands = ClientCommands<AsyncMcpConnect>;

const usage = countRequests();
let clients: readonly Client[] = [];

function clientOfLane(lane: number): Client {
  const client = clients[lane % clients.length];
  if (client === undefined) throw new Error('not connected');
  return client;
}

answerParent<AsyncMcpClientCommands>({
  async connect({ serverUrl, sessions, signed }) {
    const receiver = new WebhookReceiver(signed ? {} : { secrets: false });
    const { url } = await receiver.listen({ port: 0 });
    const webhookUrl = `${url}/webhook/response`;
    const connect = async (): Promise<Client> => {
      const client = new Client({ name: 'bench', version: '1.0.0' });
      client.onerror = (error) => console.error('asyncmcp client:', error);
      await client.connect(new WebhookClientTransport({ serverUrl, webhookUrl, receiver }));
      return client;
    };
    clients = await Promise.all(Array.from({ length: sessions }, connect));
  },
  call: (workload) => makeCalls(workload, (lane) => callEcho(clientOfLane(lane))),
  usage,
});
