import { compare } from '../compare.js';
import { manyInFlightSection, oneAtATimeSection } from '../sections.js';
import { startContenders } from './contenders.js';
import type { Progress } from '../benchmark.js';
import type { Limit, Section } from '../report.js';
import type { Settings } from '../settings.js';
import type { AwsTransport } from './contenders.js';
import type { Emulator } from './emulator.js';

export interface StyleComparison {
  readonly transport: AwsTransport;
  readonly emulator: Emulator;
  readonly settings: Settings;
  readonly progress: Progress;
  /** On the ratio of the throughputs. */
  readonly throughput?: Limit;
}

/** This project and the same work on the bare AWS SDK, over one emulator: one call at a time, and many. */
export async function compareStyles(comparison: StyleComparison): Promise<Section[]> {
  const { transport, emulator, settings, progress, throughput } = comparison;
  const { oneAtATime, manyInFlight } = settings;
  progress('one call at a time');
  const single = await compare(() => startContenders(transport, emulator, 'single'), oneAtATime);
  progress(`${manyInFlight.inFlight} calls in flight`);
  const batched = await compare(() => startContenders(transport, emulator, 'batched'), manyInFlight);
  const bars = { latency: { atMost: 1.15 }, requests: { atMost: 1 }, ...(throughput !== undefined && { throughput }) };
  const judging = { requests: 'AWS API calls', bars };
  return [oneAtATimeSection(single, oneAtATime, judging), manyInFlightSection(batched, manyInFlight, judging)];
}
