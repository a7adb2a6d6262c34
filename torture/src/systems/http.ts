import { setTimeout as sleep } from 'node:timers/promises';
import { spawnModule, startHttpProxy } from '@asyncmcp/testkit';
import { GARBAGE, OVERSIZED } from './garbage.js';
import type { HttpProxy, ModuleProcess, ProxyFault } from '@asyncmcp/testkit';
import type { Dice } from '../dice.js';
import type { FaultCounts, Faults, System } from '../system.js';

const DOWN_MS = { least: 50, most: 1500 };

/** Soon, so that a call whose process was killed does not take most of a run. */
const RESEND_AFTER_MS = 3000;

/** Beyond a resend, and the tries of a delivery. */
const LATE_MS = 5000;

const KNOWN_HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

/** Where each process of callers takes webhooks, by its place. */
const RECEIVERS_PATH = '/callers/';

/** Webhooks, or Streamable HTTP with webhooks: the servers behind one proxy, the receivers of the callers behind another. */
export async function startHttpSystem(name: 'webhook' | 'streamable-webhook'): Promise<System> {
  const targets = new Map<ModuleProcess, string>();
  /** By the path of each. */
  const receivers = new Map<string, { readonly callers: ModuleProcess; readonly url: string }>();
  let turn = 0;
  const requests = await startHttpProxy(() => [...targets.values()][turn++ % Math.max(1, targets.size)]);
  const replies = await startHttpProxy((path) => receivers.get(path)?.url);
  const serverUrl = requests.url + (name === 'webhook' ? '/mcp/request' : '/mcp');
  // That of the first, which is always there.
  const receiverUrl = `${replies.url}${RECEIVERS_PATH}0`;
  const vandals = {
    vandaliseServer: (dice: Dice) => vandalise(dice, serverUrl),
    vandaliseReceiver: (dice: Dice) => vandalise(dice, receiverUrl),
    oversizeServer: () => oversize(serverUrl),
    oversizeReceiver: () => oversize(receiverUrl),
  };
  const done: Record<string, number> = {};
  const counted = Object.entries(vandals).map(([kind, act]) => [
    kind,
    async (dice: Dice) => {
      if (await act(dice)) done[kind] = (done[kind] ?? 0) + 1;
    },
  ]);

  return {
    name,
    async startServer(start) {
      const server = await spawnModule(new URL('../server-process.js', import.meta.url), {
        args: [JSON.stringify({ transport: name, ...start })],
      });
      const { url } = await server.nextLine((line) => line['event'] === 'ready', { timeoutMs: 60_000 });
      targets.set(server, String(url));
      return server;
    },
    serverStopped: (server) => void targets.delete(server),
    async startCallers(start) {
      const path = RECEIVERS_PATH + String(start.place);
      const settings = {
        transport: name,
        ...start,
        serverUrl,
        webhookUrl: replies.url + path,
        receiverPath: path,
        resendAfterMs: RESEND_AFTER_MS,
      };
      const callers = await spawnModule(new URL('../caller-process.js', import.meta.url), {
        args: [JSON.stringify(settings)],
      });
      const { url } = await callers.nextLine((line) => line['event'] === 'listening', { timeoutMs: 60_000 });
      receivers.set(path, { callers, url: String(url) });
      await callers.nextLine((line) => line['event'] === 'ready', { timeoutMs: 180_000 });
      return callers;
    },
    callersStopped(callers) {
      for (const [path, receiver] of receivers) if (receiver.callers === callers) receivers.delete(path);
    },
    callersFaults: [],
    faults: {
      ...proxyFaults('requests', requests),
      ...proxyFaults('replies', replies),
      ...(Object.fromEntries(counted) as Faults),
    },
    happened: () => ({ ...proxyCounts('requests', requests), ...proxyCounts('replies', replies), ...done }),
    calm() {
      requests.clear();
      replies.clear();
    },
    lateMs: LATE_MS,
    // Who waits on a connection is told when its server ends.
    errors: name === 'webhook' ? ['ERR_TOO_MANY_ATTEMPTS'] : ['ERR_TOO_MANY_ATTEMPTS', 'ERR_CLOSED'],
    outages: ['requests cut off', 'replies cut off'],
    async close() {
      await requests.close();
      await replies.close();
    },
  };
}

/** Whether anybody answered, whatever it was: it is the others who must not notice. */
async function vandalise(dice: Dice, url: string): Promise<boolean> {
  const { body, attributes } = dice.pick(GARBAGE);
  const headers = Object.fromEntries(
    Object.entries(attributes).map(([key, value]) => [key.replace(/(?<=[a-z])(?=[A-Z])/g, '-'), value]),
  );
  return (await statusOf(url, body, headers)) !== undefined;
}

/** Whether it was refused. A fault may answer in place of who would have refused it, or cut the connection. */
async function oversize(url: string): Promise<boolean> {
  const status = await statusOf(url, OVERSIZED);
  if (status === 413) return true;
  if (status === undefined || status === 502 || status === 503) return false;
  throw new Error(`${OVERSIZED.length} bytes were answered with ${status}, not with 413.`);
}

async function statusOf(url: string, body: string, headers = {}): Promise<number | undefined> {
  try {
    const response = await fetch(url, { method: 'POST', headers: { ...KNOWN_HEADERS, ...headers }, body });
    await response.arrayBuffer();
    return response.status;
  } catch {
    return undefined;
  }
}

/** Faults that met nothing in this time, in milliseconds, are over: added up, they would meet all of the little that comes later. */
const FAULT_FOR_MS = 500;

/** What a proxy does, by what it is called here; with how many requests at a time at most. */
const PROXY_FAULTS: readonly (readonly [string, ProxyFault, number])[] = [
  ['twice', 'twice', 5],
  ['without their answers', 'lose-answer', 5],
  ['answered 503', 'unavailable', 10],
  ['late', 'late', 5],
  ['overtaken', 'overtaken', 3],
];

function proxyFaults(what: string, proxy: HttpProxy): Faults {
  const singles = PROXY_FAULTS.map(([kind, fault, most]) => [
    `${what} ${kind}`,
    (dice: Dice) => {
      const until = performance.now() + FAULT_FOR_MS;
      proxy.next(dice.between(1, most), fault, () => performance.now() < until);
    },
  ]);
  return {
    ...(Object.fromEntries(singles) as Faults),
    async [`${what} cut off`](dice: Dice) {
      if (proxy.down) return;
      proxy.down = true;
      await sleep(dice.between(DOWN_MS.least, DOWN_MS.most));
      proxy.down = false;
    },
  };
}

function proxyCounts(what: string, { injected }: HttpProxy): FaultCounts {
  const singles = PROXY_FAULTS.map(([kind, fault]) => [`${what} ${kind}`, injected.of(fault)] as const);
  return Object.fromEntries([...singles, [`${what} cut off`, injected.of('down')]]);
}
