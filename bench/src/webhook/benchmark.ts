import { compare, compareLoads } from '../compare.js';
import { growthSections } from '../growth/sections.js';
import { describeRounds, loadsSection, manyInFlightSection, oneAtATimeSection } from '../sections.js';
import {
  startBesideByHand,
  startBesideSdkAlone,
  startBesideUnsigned,
  startSdkBesideByHand,
  startWebhookCrowd,
} from './contenders.js';
import { measureIdleSessions } from './idle-sessions.js';
import { sdkSection } from './sdk-section.js';
import { signingSection } from './signing-section.js';
import type { Progress } from '../benchmark.js';
import type { Report, Section } from '../report.js';
import type { Judging } from '../sections.js';
import type { Settings } from '../settings.js';

const REQUESTS = 'HTTP requests';

/** `@asyncmcp/webhook` and a bare echo between two fastifys that does the same two POSTs, and what idle sessions cost. */
export async function benchmarkWebhook(settings: Settings, progress: Progress): Promise<Report> {
  const { oneAtATime, loads, growth, webhook } = settings;
  progress('one call at a time');
  const single = await compare(() => startBesideByHand(1), oneAtATime);
  const sections = [oneAtATimeSection(single, oneAtATime, { requests: REQUESTS, bars: {} })];
  progress(`${webhook.manyInFlight.inFlight} connections`);
  sections.push(await manySessions(webhook.manyInFlight));
  progress(`${webhook.manyInFlight.inFlight} calls in flight of one session`);
  sections.push(await oneSession(webhook.manyInFlight));
  progress('from one call in flight to many');
  sections.push(await manyLoads(loads));
  progress('the MCP SDK alone');
  const { inFlight } = webhook.sdk;
  const ceiling = await compare(() => startSdkBesideByHand(inFlight), webhook.sdk);
  const ours = await compare(() => startBesideSdkAlone(inFlight), webhook.sdk);
  sections.push(sdkSection(ceiling, ours, webhook.sdk));
  progress('signing');
  const signing = await compare(() => startBesideUnsigned(webhook.signing.inFlight), webhook.signing);
  sections.push(signingSection(signing, webhook.signing));
  progress(`${webhook.idle.sessions.toLocaleString('en-US')} idle sessions`);
  sections.push(await measureIdleSessions(webhook.idle));
  progress('many sessions and many calls');
  sections.push(...(await growthSections(startWebhookCrowd, growth, REQUESTS)));
  return { transport: 'webhook', sections };
}

/**
 * What the bar is on. A connection is a client of its own with one call in flight, as load generators count them: it is how a server
 * meets its many clients, and the dearer reading, as nothing that belongs to a session is shared.
 */
async function manySessions(plan: Settings['webhook']['manyInFlight']): Promise<Section> {
  const judging: Judging = { requests: REQUESTS, bars: { throughput: { atLeast: 0.6 } } };
  const section = manyInFlightSection(await compare(() => startBesideByHand(plan.inFlight), plan), plan, judging);
  return {
    ...section,
    title: `${plan.inFlight} connections: ${describeRounds(plan)}`,
    notes: [
      ...section.notes,
      `asyncmcp: ${plan.inFlight} clients, a session, a connection and a call in flight each; one receiver for all`,
      `by hand: no sessions; ${plan.inFlight} connections each way, ids matched in a Map, the same metadata and answers, nothing signed or checked`,
    ],
  };
}

/** As many clients as calls are in flight at most: one alone may not have so many. */
async function manyLoads(plan: Settings['loads']): Promise<Section> {
  const clients = Math.max(...plan.loads.map(({ inFlight }) => inFlight));
  return loadsSection(await compareLoads(() => startBesideByHand(clients), plan), plan, {
    requests: REQUESTS,
    bars: {},
  });
}

async function oneSession(plan: Settings['webhook']['manyInFlight']): Promise<Section> {
  const judging: Judging = { requests: REQUESTS, bars: {} };
  const section = manyInFlightSection(await compare(() => startBesideByHand(1), plan), plan, judging);
  return {
    ...section,
    key: 'one-client',
    title: `One client, ${plan.inFlight} calls in flight: ${describeRounds(plan)}`,
  };
}
