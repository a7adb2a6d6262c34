/** The client side, by this project: the SDK's `Client` over transports that share one receiver. */
import { WebhookClientTransport, WebhookReceiver } from '@asyncmcp/webhook';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { answerParent } from '../answer-parent.js';
import { callEcho } from '../call-echo.js';
import { makeCalls } from '../make-calls.js';
import { countRequests } from './usage.js';
import type { ClientCommands, Workload } from '../contender.js';

/** What the webhooks of a client are: signed and verified, as by default, or not. */
export interface Signing {
  readonly signed: boolean;
}

export interface AsyncMcpConnect extends Signing {
  readonly serverUrl: string;
  /** Clients, each with a session, a transport and connections of its own; calls in flight are spread over them. */
  readonly sessions: number;
}

/** To be connected once for each kind of clients that are to make calls. */
export type AsyncMcpClientCommands = ClientCommands<AsyncMcpConnect, Workload & Signing>;

const usage = countRequests();
const clients: { signed: readonly Client[]; unsigned: readonly Client[] } = { signed: [], unsigned: [] };

function clientOfLane(connected: readonly Client[], lane: number): Client {
  const client = connected[lane % connected.length];
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
    clients[signed ? 'signed' : 'unsigned'] = await Promise.all(Array.from({ length: sessions }, connect));
  },
  call({ signed, ...workload }) {
    const connected = clients[signed ? 'signed' : 'unsigned'];
    return makeCalls(workload, (lane) => callEcho(clientOfLane(connected, lane)));
  },
  usage,
});
