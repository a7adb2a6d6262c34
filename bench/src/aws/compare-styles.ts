import { compare, compareLoads } from '../compare.js';
import { growthSections } from '../growth/sections.js';
import { dollarsFor } from '../prices.js';
import { loadsSection, manyInFlightSection, oneAtATimeSection } from '../sections.js';
import { startAwsCrowd, startContenders } from './contenders.js';
import type { Progress } from '../benchmark.js';
import type { Limit, Section } from '../report.js';
import type { Judging } from '../sections.js';
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

/** This project and the same work on the bare AWS SDK, over one emulator; and how it grows. */
export async function compareStyles(comparison: StyleComparison): Promise<Section[]> {
  const { transport, emulator, settings, progress, throughput } = comparison;
  const { oneAtATime, manyInFlight, loads, growth } = settings;
  progress('one call at a time');
  const single = await compare(() => startContenders(transport, emulator, 'single'), oneAtATime);
  progress(`${manyInFlight.inFlight} calls in flight`);
  const batched = await compare(() => startContenders(transport, emulator, 'batched'), manyInFlight);
  const bars = { latency: { atMost: 1.15 }, requests: { atMost: 1 }, ...(throughput !== undefined && { throughput }) };
  const judging: Judging = { requests: 'AWS API calls', dollarsFor, bars };
  progress('from one call in flight to many');
  const loaded = await compareLoads(() => startContenders(transport, emulator, 'batched'), loads);
  progress('many sessions and many calls');
  const grown = await growthSections((most) => startAwsCrowd(transport, emulator, most), growth, judging.requests);
  return [
    oneAtATimeSection(single, oneAtATime, judging),
    manyInFlightSection(batched, manyInFlight, judging),
    loadsSection(loaded, loads, judging),
    ...grown,
  ];
}
