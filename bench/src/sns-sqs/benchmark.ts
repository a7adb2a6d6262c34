import { compareStyles } from '../aws/compare-styles.js';
import { withEmulator } from '../aws/emulator.js';
import { createSharedTopics, createTopics } from './topics.js';
import type { AwsTransport } from '../aws/contenders.js';
import type { Progress } from '../benchmark.js';
import type { Report } from '../report.js';
import type { Settings } from '../settings.js';

const TRANSPORT: AwsTransport = {
  createChannels: createTopics,
  createSharedChannels: createSharedTopics,
  server: new URL('asyncmcp-server.js', import.meta.url),
  client: new URL('asyncmcp-client.js', import.meta.url),
};

/** `@asyncmcp/sns-sqs` and the same work on the bare AWS SDK. */
export function benchmarkSnsSqs(settings: Settings, progress: Progress): Promise<Report> {
  return withEmulator(async (emulator) => ({
    transport: 'sns-sqs',
    sections: await compareStyles({ transport: TRANSPORT, emulator, settings, progress }),
  }));
}
