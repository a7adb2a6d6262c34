import { setTimeout as sleep } from 'node:timers/promises';
import { StreamableWebhookClientTransport } from '@asyncmcp/streamable-webhook';
import { spawnModule, startHttpProxy } from '@asyncmcp/testkit';
import { WebhookClientTransport, WebhookReceiver } from '@asyncmcp/webhook';
import { GARBAGE } from './garbage.js';
import type { HttpProxy, ModuleProcess, ProxyFault } from '@asyncmcp/testkit';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { Dice } from '../dice.js';
import type { System } from '../system.js';

const DOWN_MS = { least: 50, most: 1500 };

/** Soon, so that a call whose process was killed does not take most of a run. */
const RESEND_AFTER_MS = 3000;

/** Webhooks, or Streamable HTTP with webhooks: the servers behind one proxy, the clients' receiver behind another. */
export async function startHttpSystem(name: 'webhook' | 'streamable-webhook'): Promise<System> {
  const targets = new Map<ModuleProcess, string>();
  const receiver = new WebhookReceiver();
  const { url: receiverUrl } = await receiver.listen({ port: 0 });
  let turn = 0;
  const requests = await startHttpProxy(() => [...targets.values()][turn++ % Math.max(1, targets.size)]);
  const replies = await startHttpProxy(() => receiverUrl);
  const path = name === 'webhook' ? '/mcp/request' : '/mcp';
  const shared = {
    serverUrl: requests.url + path,
    webhookUrl: `${replies.url}/webhook/response`,
    receiver,
    resendAfterMs: RESEND_AFTER_MS,
  };

  async function vandalise(dice: Dice, url: string): Promise<void> {
    const { body, attributes } = dice.pick(GARBAGE);
    const headers = Object.fromEntries(
      Object.entries(attributes).map(([key, value]) => [key.replace(/(?<=[a-z])(?=[A-Z])/g, '-'), value]),
    );
    const known = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
    // Whatever is answered: it is the others who must not notice.
    await fetch(url, { method: 'POST', headers: { ...known, ...headers }, body }).then(
      (response) => response.arrayBuffer(),
      () => {},
    );
  }

  return {
    name,
    tools: name === 'webhook' ? ['work'] : ['work', 'work_over_connection'],
    async startServer(start) {
      const server = await spawnModule(new URL('../server-process.js', import.meta.url), {
        args: [JSON.stringify({ transport: name, ...start })],
      });
      const { url } = await server.nextLine((line) => line['event'] === 'ready', { timeoutMs: 60_000 });
      targets.set(server, String(url));
      return server;
    },
    stopped: (server) => void targets.delete(server),
    createTransport: async (): Promise<Transport> =>
      name === 'webhook' ? new WebhookClientTransport(shared) : new StreamableWebhookClientTransport(shared),
    faults: {
      ...proxyFaults('requests', requests),
      ...proxyFaults('replies', replies),
      vandaliseServer: (dice) => vandalise(dice, shared.serverUrl),
      vandaliseReceiver: (dice) => vandalise(dice, shared.webhookUrl),
    },
    // Who waits on a connection is told when its server ends.
    errors: name === 'webhook' ? ['ERR_TOO_MANY_ATTEMPTS'] : ['ERR_TOO_MANY_ATTEMPTS', 'ERR_CLOSED'],
    outages: ['requests cut off', 'replies cut off'],
    async close() {
      await requests.close();
      await replies.close();
      await receiver.close();
    },
  };
}

/** Faults that met nothing in this time, in milliseconds, are over: added up, they would meet all of the little that comes later. */
const FAULT_FOR_MS = 500;

function proxyFaults(what: string, proxy: HttpProxy): System['faults'] {
  const next = (fault: ProxyFault, most: number) => (dice: Dice) => {
    const until = performance.now() + FAULT_FOR_MS;
    proxy.next(dice.between(1, most), fault, () => performance.now() < until);
  };
  return {
    [`${what} twice`]: next('twice', 5),
    [`${what} without their answers`]: next('lose-answer', 5),
    [`${what} answered 503`]: next('unavailable', 10),
    async [`${what} cut off`](dice: Dice) {
      if (proxy.down) return;
      proxy.down = true;
      await sleep(dice.between(DOWN_MS.least, DOWN_MS.most));
      proxy.down = false;
    },
  };
}
