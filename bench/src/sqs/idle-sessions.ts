import { setTimeout as sleep } from 'node:timers/promises';
import { startAwsCrowd } from '../aws/contenders.js';
import { bareServerHeap } from '../bare-server-heap.js';
import { totalOf, usageBetween } from '../usage.js';
import type { AwsTransport } from '../aws/contenders.js';
import type { Emulator } from '../aws/emulator.js';
import type { Section } from '../report.js';
import type { Settings } from '../settings.js';
import type { Usage } from '../usage.js';

type Plan = Settings['idle'];

/** How long SQS holds a poll, at the most. */
const LONG_POLL_MS = 20_000;

interface IdleSessions {
  /** Of a session, the user's server included, in bytes. */
  readonly heap: number;
  /** During the idle window. */
  readonly usage: Usage;
  /** To open all sessions, in milliseconds. */
  readonly openedInMs: number;
}

/** What sessions cost that do nothing. */
export async function measureIdleSessions(transport: AwsTransport, emulator: Emulator, plan: Plan): Promise<Section> {
  const bare = await bareServerHeap(plan);
  const { heap, usage, openedInMs } = await holdSessions(transport, emulator, plan);
  const { ReceiveMessage: polls = 0 } = usage.requests;
  const count = plan.sessions.toLocaleString('en-US');
  return {
    key: 'idle',
    title: `${count} idle sessions on one server`,
    figures: [
      {
        key: 'requests',
        label: `API calls in ${plan.windowMs / 1000} s beyond the one long poll`,
        unit: '',
        // The one that was open ends in the window, and the next begins, each after its time.
        asyncmcp: totalOf(usage.requests) - Math.min(polls, Math.ceil(plan.windowMs / LONG_POLL_MS)),
        bar: { on: 'value', limit: { atMost: 0 } },
      },
      {
        key: 'heap-beyond',
        label: 'heap per session beyond McpServer',
        unit: 'KiB',
        asyncmcp: (heap - bare) / 1024,
        bar: { on: 'value', limit: { below: 20 } },
      },
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
      `opened over the wire in ${(openedInMs / 1000).toFixed(1)} s; CPU in the window: ${usage.cpuMs.toFixed(0)} ms`,
    ],
    details: { plan, heapPerSession: heap, heapPerBareServer: bare, idle: usage, openedInMs },
  };
}

async function holdSessions(transport: AwsTransport, emulator: Emulator, plan: Plan): Promise<IdleSessions> {
  const { sessions, warmUpSessions, windowMs } = plan;
  const crowd = await startAwsCrowd(transport, emulator, sessions);
  try {
    await crowd.open(warmUpSessions);
    const heapBefore = await crowd.heap();
    const { elapsedMs: openedInMs } = await crowd.open(sessions - warmUpSessions);
    const heap = ((await crowd.heap()) - heapBefore) / (sessions - warmUpSessions);
    const before = await crowd.usage();
    await sleep(windowMs);
    return { heap, openedInMs, usage: usageBetween(before, await crowd.usage()) };
  } finally {
    await crowd.stop();
  }
}
