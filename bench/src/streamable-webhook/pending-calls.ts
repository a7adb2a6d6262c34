import { setTimeout as sleep } from 'node:timers/promises';
import { StreamableWebhookClientTransport } from '@asyncmcp/streamable-webhook';
import { WebhookReceiver } from '@asyncmcp/webhook';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { Child } from '../child.js';
import { countSockets } from '../webhook/count-sockets.js';
import type { Section } from '../report.js';
import type { Settings } from '../settings.js';
import type { SocketCount } from '../webhook/count-sockets.js';
import type { PendingServerCommands } from './pending-server.js';

type Plan = Settings['streamableWebhook']['pending'];

/** A connection for a client to hear what its session says by itself: MCP's own, and one however many calls are pending. */
const STREAMS = 1;

/** What calls cost that are pending: connections, above all. */
export async function measurePendingCalls(plan: Plan): Promise<Section> {
  const { calls, quietWithinMs } = plan;
  const ownSockets = countSockets();
  const child = new Child<PendingServerCommands>(new URL('pending-server.js', import.meta.url));
  const receiver = new WebhookReceiver();
  const client = new Client({ name: 'bench', version: '1.0.0' });
  try {
    const serverUrl = await child.ask('start', undefined);
    const { url } = await receiver.listen({ port: 0 });
    const webhookUrl = `${url}/webhook/response`;
    await client.connect(new StreamableWebhookClientTransport({ serverUrl, webhookUrl, receiver, resendAfterMs: 0 }));
    const results = Promise.all(
      Array.from({ length: calls }, () => client.callTool({ name: 'wait' }, undefined, { timeout: 600_000 })),
    );
    const sockets = await pendingAndQuiet(child, calls, quietWithinMs);
    const own = ownSockets();
    await child.ask('finish', undefined);
    const answered = (await results).length;
    return sectionOf(plan, sockets, own, answered);
  } finally {
    await client.close();
    await receiver.close();
    await child.stop();
  }
}

function sectionOf({ calls }: Plan, server: SocketCount, client: SocketCount, answered: number): Section {
  return {
    key: 'pending',
    title: `${calls} pending calls of a webhook tool`,
    figures: [
      {
        key: 'sockets',
        label: 'open sockets of the server for them',
        unit: '',
        asyncmcp: server.open - STREAMS,
        bar: { on: 'value', limit: { atMost: 0 } },
      },
      { key: 'answered', label: 'calls that were answered in the end', unit: '', asyncmcp: answered },
    ],
    notes: [
      `sockets of the server: ${server.peak} at most while the calls were made, ${server.open} while they were pending`,
      `the one that is left is the stream on which a client hears what its session says by itself; the client has ${client.open} open`,
    ],
    details: { calls, server, client, answered },
  };
}

/** Waits until all calls are running and no socket is left but the stream, though not for ever. */
async function pendingAndQuiet(
  child: Child<PendingServerCommands>,
  calls: number,
  withinMs: number,
): Promise<SocketCount> {
  const startedAt = performance.now();
  for (;;) {
    const [running, sockets] = await Promise.all([child.ask('running', undefined), child.ask('sockets', undefined)]);
    const late = performance.now() - startedAt > withinMs;
    if (late && running < calls) throw new Error(`only ${running} of ${calls} calls are running`);
    if (running === calls && (sockets.open <= STREAMS || late)) return sockets;
    await sleep(100);
  }
}
