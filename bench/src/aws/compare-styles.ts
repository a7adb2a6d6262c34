import { compare } from '../compare.js';
import { manyInFlightSection, oneAtATimeSection } from '../sections.js';
import { startContenders } from './contenders.js';
import type { Progress } from '../benchmark.js';
import type { Section } from '../report.js';
import type { Bars } from '../sections.js';
import type { Settings } from '../settings.js';
import type { AwsTransport } from './contenders.js';
import type { Emulator } from './emulator.js';

export interface StyleComparison {
  readonly transport: AwsTransport;
  readonly emulator: Emulator;
  readonly settings: Settings;
  readonly progress: Progress;
  readonly bars: Bars;
}

/** This project and the same work on the bare AWS SDK, over one emulator: one call at a time, and many. */
export async function compareStyles(comparison: StyleComparison): Promise<Section[]> {
  const { transport, emulator, settings, progress, bars } = comparison;
  const { oneAtATime, manyInFlight } = settings;
  progress('one call at a time');
  const single = await compare(() => startContenders(transport, emulator, 'single'), oneAtATime);
  progress(`${manyInFlight.inFlight} calls in flight`);
  const batched = await compare(() => startContenders(transport, emulator, 'batched'), manyInFlight);
  return [oneAtATimeSection(single, oneAtATime), manyInFlightSection(batched, manyInFlight, bars)];
}
