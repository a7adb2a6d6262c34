import { setTimeout as sleep } from 'node:timers/promises';
import { bareServerHeap } from '../bare-server-heap.js';
import { Child } from '../child.js';
import { totalOf, usageBetween } from '../usage.js';
import { openSessions } from './open-sessions.js';
import { createQueues } from './queues.js';
import type { Emulator } from '../aws/emulator.js';
import type { Section } from '../report.js';
import type { Settings } from '../settings.js';
import type { Usage } from '../usage.js';
import type { IdleServerCommands } from './idle-server.js';

type Plan = Settings['idle'];

interface IdleSessions {
  /** Of a session, the user's server included, in bytes. */
  readonly heap: number;
  /** During the idle window. */
  readonly usage: Usage;
  /** To open all sessions, in milliseconds. */
  readonly openedInMs: number;
}

/** What sessions cost that do nothing. */
export async function measureIdleSessions(emulator: Emulator, plan: Plan): Promise<Section> {
  const bare = await bareServerHeap(plan);
  const { heap, usage, openedInMs } = await holdSessions(emulator, plan);
  const { ReceiveMessage: polls = 0 } = usage.requests;
  const count = plan.sessions.toLocaleString('en-US');
  return {
    title: `${count} idle sessions on one server`,
    figures: [
      {
        label: `API calls in ${plan.windowMs / 1000} s beyond one poll`,
        unit: '',
        // The long poll that was open may end in the window, and the next begin.
        asyncmcp: totalOf(usage.requests) - Math.min(polls, 1),
        bar: { on: 'value', limit: { atMost: 0 } },
      },
      {
        label: 'heap per session beyond McpServer',
        unit: 'KiB',
        asyncmcp: (heap - bare) / 1024,
        bar: { on: 'value', limit: { below: 20 } },
      },
      { label: 'heap per session, McpServer and all', unit: 'KiB', asyncmcp: heap / 1024, byHand: bare / 1024 },
    ],
    notes: [
      `by hand: McpServer objects connected to nothing`,
      `opened over the wire in ${(openedInMs / 1000).toFixed(1)} s; CPU in the window: ${usage.cpuMs.toFixed(0)} ms`,
    ],
    details: { plan, heapPerSession: heap, heapPerBareServer: bare, idle: usage, openedInMs },
  };
}

async function holdSessions(emulator: Emulator, plan: Plan): Promise<IdleSessions> {
  const { sessions, warmUpSessions, windowMs } = plan;
  const queues = await createQueues(emulator, 'idle');
  const child = new Child<IdleServerCommands>(new URL('idle-server.js', import.meta.url), ['--expose-gc']);
  try {
    await child.ask('start', { ...queues, maxSessions: sessions });
    await openSessions(emulator, queues, warmUpSessions);
    const heapBefore = await child.ask('heap', undefined);
    const startedAt = performance.now();
    await openSessions(emulator, queues, sessions - warmUpSessions);
    const openedInMs = performance.now() - startedAt;
    const live = await child.ask('sessions', undefined);
    if (live !== sessions) throw new Error(`${live} sessions are live instead of ${sessions}`);
    const heap = ((await child.ask('heap', undefined)) - heapBefore) / (sessions - warmUpSessions);
    const before = await child.ask('usage', undefined);
    await sleep(windowMs);
    return { heap, openedInMs, usage: usageBetween(before, await child.ask('usage', undefined)) };
  } finally {
    await child.stop();
  }
}
