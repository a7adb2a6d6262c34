import { Child } from '../child.js';
import { compare } from '../compare.js';
import { manyInFlightSection, oneAtATimeSection } from '../sections.js';
import { createSqsClient } from './aws-client.js';
import { startContenders } from './contenders.js';
import { measureIdleSessions } from './idle-sessions.js';
import type { Progress } from '../benchmark.js';
import type { EmulatorCommands } from '../emulator-process.js';
import type { Report } from '../report.js';
import type { Settings } from '../settings.js';

/** `@asyncmcp/sqs` and the same work on the bare AWS SDK, over one emulator. */
export async function benchmarkSqs(settings: Settings, progress: Progress): Promise<Report> {
  const { oneAtATime, manyInFlight, idle } = settings;
  const emulator = new Child<EmulatorCommands>(new URL('../emulator-process.js', import.meta.url));
  const endpoint = await emulator.ask('start', undefined);
  const sqs = createSqsClient(endpoint);
  try {
    progress('one call at a time');
    const single = await compare(() => startContenders(sqs, endpoint, 'single'), oneAtATime);
    progress(`${manyInFlight.inFlight} calls in flight`);
    const batched = await compare(() => startContenders(sqs, endpoint, 'batched'), manyInFlight);
    progress(`${idle.sessions.toLocaleString('en-US')} idle sessions`);
    const idleSection = await measureIdleSessions(sqs, endpoint, idle);
    return {
      transport: 'sqs',
      sections: [oneAtATimeSection(single, oneAtATime), manyInFlightSection(batched, manyInFlight), idleSection],
    };
  } finally {
    sqs.destroy();
    await emulator.stop();
  }
}
