import { setTimeout as sleep } from 'node:timers/promises';
import { bareServerHeap } from '../bare-server-heap.js';
import { Child } from '../child.js';
import { createHttpCrowd } from './http-crowd.js';
import type { Section } from '../report.js';
import type { Settings } from '../settings.js';
import type { AsyncMcpServerCommands } from './asyncmcp-server.js';
import type { SocketCount } from './count-sockets.js';

type Plan = Settings['webhook']['idle'];

interface IdleSessions {
  /** Of a session, the user's server included, in bytes. */
  readonly heap: number;
  /** When none was open any more, or waiting for that was given up. */
  readonly sockets: SocketCount;
  /** To open all sessions, in milliseconds. */
  readonly openedInMs: number;
  /** From the last message to the last socket, in milliseconds. */
  readonly quietAfterMs: number;
}

/** What sessions cost that do nothing. */
export async function measureIdleSessions(plan: Plan): Promise<Section> {
  const bare = await bareServerHeap(plan);
  const idle = await holdSessions(plan);
  const { heap, sockets, openedInMs, quietAfterMs } = idle;
  return {
    key: 'idle',
    title: `${plan.sessions.toLocaleString('en-US')} idle sessions on one server`,
    figures: [
      {
        key: 'sockets',
        label: 'open sockets of the server',
        unit: '',
        asyncmcp: sockets.open,
        bar: { on: 'value', limit: { atMost: 0 } },
      },
      { key: 'heap-beyond', label: 'heap per session beyond McpServer', unit: 'KiB', asyncmcp: (heap - bare) / 1024 },
      {
        key: 'heap',
        label: 'heap per session, McpServer and all',
        unit: 'KiB',
        asyncmcp: heap / 1024,
        byHand: bare / 1024,
      },
    ],
    notes: [
      `by hand: McpServer objects connected to nothing`,
      `sockets: ${sockets.peak} at most while they were opened, ${sockets.open} after ${seconds(quietAfterMs)} without a message`,
      `opened over the wire in ${seconds(openedInMs)}; their clients do not hang up; webhooks are signed`,
    ],
    details: { plan, heapPerSession: heap, heapPerBareServer: bare, sockets, openedInMs, quietAfterMs },
  };
}

async function holdSessions({ sessions, warmUpSessions, quietWithinMs }: Plan): Promise<IdleSessions> {
  const child = new Child<AsyncMcpServerCommands>(new URL('asyncmcp-server.js', import.meta.url), ['--expose-gc']);
  const crowd = await createHttpCrowd(await child.ask('start', { maxSessions: sessions }), 'webhook');
  try {
    await crowd.open(warmUpSessions);
    await quiet(child, quietWithinMs);
    const heapBefore = await child.ask('heap', undefined);
    const startedAt = performance.now();
    await crowd.open(sessions - warmUpSessions);
    const openedInMs = performance.now() - startedAt;
    const { sockets, quietAfterMs } = await quiet(child, quietWithinMs);
    // Asked last: they must have been live all the time.
    const live = await child.ask('sessions', undefined);
    if (live !== sessions) throw new Error(`${live} sessions are live instead of ${sessions}`);
    const heap = ((await child.ask('heap', undefined)) - heapBefore) / (sessions - warmUpSessions);
    return { heap, sockets, openedInMs, quietAfterMs };
  } finally {
    await child.stop();
    await crowd.close();
  }
}

/** Waits until a server has no more open sockets, but not for ever. */
async function quiet(
  child: Child<AsyncMcpServerCommands>,
  withinMs: number,
): Promise<Pick<IdleSessions, 'sockets' | 'quietAfterMs'>> {
  const startedAt = performance.now();
  for (;;) {
    const sockets = await child.ask('sockets', undefined);
    const quietAfterMs = performance.now() - startedAt;
    if (sockets.open === 0 || quietAfterMs > withinMs) return { sockets, quietAfterMs };
    await sleep(100);
  }
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
