import { compare } from '../compare.js';
import { describeRounds, manyInFlightSection, oneAtATimeSection } from '../sections.js';
import { startBesideByHand, startBesideSdk } from './contenders.js';
import { measurePendingCalls } from './pending-calls.js';
import type { Progress } from '../benchmark.js';
import type { Report, Section } from '../report.js';
import type { Judging } from '../sections.js';
import type { Settings } from '../settings.js';

type Plan = Settings['streamableWebhook']['manyInFlight'];

const REQUESTS = 'HTTP requests';

/**
 * `@asyncmcp/streamable-webhook`: beside the SDK's own transport for results over the connection, beside the two POSTs by hand for those
 * by webhook, and what pending calls hold.
 */
export async function benchmarkStreamableWebhook(settings: Settings, progress: Progress): Promise<Report> {
  const { oneAtATime, streamableWebhook } = settings;
  const { manyInFlight, pending } = streamableWebhook;
  progress('over the connection, one call at a time');
  const single = await compare(() => startBesideSdk(1), oneAtATime);
  const sections = [
    titled('Over the connection', oneAtATimeSection(single, oneAtATime, { requests: REQUESTS, bars: {} })),
  ];
  progress(`over the connection, ${manyInFlight.inFlight} connections`);
  sections.push(await overConnection(manyInFlight));
  progress(`by webhook, ${manyInFlight.inFlight} connections`);
  sections.push(await byWebhook(manyInFlight));
  progress(`${pending.calls} pending calls`);
  sections.push(await measurePendingCalls(pending));
  return { transport: 'streamable-webhook', sections };
}

async function overConnection(plan: Plan): Promise<Section> {
  const judging: Judging = { requests: REQUESTS, bars: { throughput: { atLeast: 0.95 } } };
  const section = manyInFlightSection(await compare(() => startBesideSdk(plan.inFlight), plan), plan, judging);
  return {
    ...section,
    title: `Over the connection, ${plan.inFlight} connections: ${describeRounds(plan)}`,
    notes: [
      ...section.notes,
      `by hand: the SDK's StreamableHTTPServerTransport behind a fastify, which keeps no record, limits nothing and checks no host`,
      `both with the same bare client, ${plan.inFlight} sessions, so that it is the servers which are compared`,
    ],
  };
}

async function byWebhook(plan: Plan): Promise<Section> {
  const judging: Judging = { requests: REQUESTS, bars: { throughput: { atLeast: 0.6 } } };
  const section = manyInFlightSection(await compare(() => startBesideByHand(plan.inFlight), plan), plan, judging);
  return {
    ...section,
    title: `By webhook, ${plan.inFlight} connections: ${describeRounds(plan)}`,
    notes: [
      ...section.notes,
      `asyncmcp: ${plan.inFlight} clients of the SDK, a session and a call in flight each; one receiver for all; signed`,
      `by hand: no sessions; ids matched in a Map, the same metadata and answers, nothing signed or checked`,
    ],
  };
}

function titled(what: string, section: Section): Section {
  return { ...section, title: `${what}: ${section.title}` };
}
