import { compare, compareLoads } from '../compare.js';
import { growthSections } from '../growth/sections.js';
import { describeRounds, loadsSection, manyInFlightSection, oneAtATimeSection } from '../sections.js';
import { startBesideByHand, startBesideSdk, startStreamableCrowd } from './contenders.js';
import { measurePendingCalls } from './pending-calls.js';
import type { Progress } from '../benchmark.js';
import type { Report, Section } from '../report.js';
import type { Judging } from '../sections.js';
import type { Settings } from '../settings.js';
import type { Way } from './asyncmcp-server.js';

type Plan = Settings['streamableWebhook']['manyInFlight'];

const REQUESTS = 'HTTP requests';

const UNJUDGED: Judging = { requests: REQUESTS, bars: {} };

/**
 * `@asyncmcp/streamable-webhook`: beside the SDK's own transport for results over the connection, beside the two POSTs by hand for those
 * by webhook, and what pending calls hold.
 */
export async function benchmarkStreamableWebhook(settings: Settings, progress: Progress): Promise<Report> {
  const { oneAtATime, loads, growth, streamableWebhook } = settings;
  const { manyInFlight, pending } = streamableWebhook;
  const clients = Math.max(...loads.loads.map(({ inFlight }) => inFlight));
  progress('over the connection, one call at a time');
  const single = await compare(() => startBesideSdk(1), oneAtATime);
  const sections = [way('connection', oneAtATimeSection(single, oneAtATime, UNJUDGED))];
  progress(`over the connection, ${manyInFlight.inFlight} connections`);
  sections.push(await overConnection(manyInFlight));
  progress('over the connection, from one call in flight to many');
  const connected = await compareLoads(() => startBesideSdk(clients), loads);
  sections.push(way('connection', loadsSection(connected, loads, UNJUDGED)));
  progress('by webhook, one call at a time');
  const posted = await compare(() => startBesideByHand(1), oneAtATime);
  sections.push(way('webhook', oneAtATimeSection(posted, oneAtATime, UNJUDGED)));
  progress(`by webhook, ${manyInFlight.inFlight} connections`);
  sections.push(await byWebhook(manyInFlight));
  progress('by webhook, from one call in flight to many');
  const hooked = await compareLoads(() => startBesideByHand(clients), loads);
  sections.push(way('webhook', loadsSection(hooked, loads, UNJUDGED)));
  progress(`${pending.calls} pending calls`);
  sections.push(await measurePendingCalls(pending));
  progress('many sessions and many calls');
  sections.push(...(await growthSections(startStreamableCrowd, growth, REQUESTS)));
  return { transport: 'streamable-webhook', sections };
}

async function overConnection(plan: Plan): Promise<Section> {
  const judging: Judging = { requests: REQUESTS, bars: { throughput: { atLeast: 0.95 } } };
  const section = manyInFlightSection(await compare(() => startBesideSdk(plan.inFlight), plan), plan, judging);
  return {
    ...section,
    key: 'connection-many-in-flight',
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
    key: 'webhook-many-in-flight',
    title: `By webhook, ${plan.inFlight} connections: ${describeRounds(plan)}`,
    notes: [
      ...section.notes,
      `asyncmcp: ${plan.inFlight} clients of the SDK, a session and a call in flight each; one receiver for all; signed`,
      `by hand: no sessions; ids matched in a Map, the same metadata and answers, nothing signed or checked`,
    ],
  };
}

function way(which: Way, section: Section): Section {
  const what = which === 'connection' ? 'Over the connection' : 'By webhook';
  return { ...section, key: `${which}-${section.key}`, title: `${what}: ${section.title}` };
}
