import { bareServerHeaps } from '../bare-server-heap.js';
import { measureGrowth } from './measure.js';
import type { Bar, Figure, Section } from '../report.js';
import type { Crowd } from './crowd.js';
import type { Growth, GrowthPlan } from './measure.js';

/** A cost that grows with something ten times as large by more than ten times this grows worse than in proportion. */
const PROPORTIONAL: Bar = { on: 'ratio', limit: { atMost: 1.25 } };

/** Memory per session at several numbers of sessions, and what ten times as much costs. */
export async function growthSections(
  start: (maxSessions: number) => Promise<Crowd>,
  plan: GrowthPlan,
  requests: string,
): Promise<Section[]> {
  const { warmUp, sessions } = plan;
  const [few, many] = await Promise.all([
    start(warmUp.sessions + sessions.few),
    start(warmUp.sessions + sessions.many),
  ]);
  try {
    const growth = await measureGrowth({ few, many }, plan);
    return [await memorySection(growth, plan), sessionsSection(growth, requests), callsSection(growth, requests)];
  } finally {
    await Promise.all([few.stop(), many.stop()]);
  }
}

async function memorySection({ opening }: Growth, { warmUp }: GrowthPlan): Promise<Section> {
  const counts = opening.map(({ sessions }) => sessions + warmUp.sessions);
  const bare = await bareServerHeaps(counts, warmUp.sessions);
  const figures = opening.map(({ sessions, heap }, index): Figure => ({
    key: `heap-${sessions}`,
    label: `heap per session, of ${count(sessions)}`,
    unit: 'KiB',
    asyncmcp: heap / 1024,
    byHand: (bare[index] ?? Number.NaN) / 1024,
  }));
  return {
    key: 'memory',
    title: 'Memory of a session, McpServer and all',
    figures,
    notes: ['by hand: McpServer objects connected to nothing'],
    details: opening,
  };
}

function sessionsSection({ opening, fewSessions, manySessions }: Growth, requests: string): Section {
  const [, few, many] = opening;
  return {
    key: 'growth-sessions',
    title: 'Ten times the sessions',
    columns: [`${count(many.sessions)} sessions`, `${count(few.sessions)} sessions`],
    figures: [
      grown('opening-time', 'time to open one', 'ms', many.ms, few.ms),
      grown('opening-requests', `${requests} to open one`, '', many.requests, few.requests),
      grown('heap', 'heap of one', 'KiB', many.heap / 1024, few.heap / 1024),
      grown('call-time', 'time per call, meanwhile', 'ms', manySessions.ms, fewSessions.ms),
      grown('call-cpu', 'CPU of the server per call', 'ms', manySessions.cpuMs, fewSessions.cpuMs),
      grown('call-requests', `${requests} per call`, '', manySessions.requests, fewSessions.requests),
    ],
    notes: [`calls: ${count(manySessions.calls)}, of all sessions by turns`],
    details: { opening, fewSessions, manySessions },
  };
}

function callsSection({ fewSessions: few, manyCalls: many }: Growth, requests: string): Section {
  return {
    key: 'growth-calls',
    title: 'Ten times the messages',
    columns: [`${count(many.calls)} calls`, `${count(few.calls)} calls`],
    figures: [
      grown('call-time', 'time per call', 'ms', many.ms, few.ms),
      grown('call-cpu', 'CPU of the server per call', 'ms', many.cpuMs, few.cpuMs),
      grown('call-requests', `${requests} per call`, '', many.requests, few.requests),
      grown('heap', 'heap of the server afterwards', 'MiB', many.heapAfter / 2 ** 20, few.heapAfter / 2 ** 20),
    ],
    notes: [`of ${count(few.sessions)} sessions by turns`],
    details: { few, many },
  };
}

function grown(key: string, label: string, unit: string, more: number, fewer: number): Figure {
  return { key, label, unit, asyncmcp: more, byHand: fewer, bar: PROPORTIONAL };
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
