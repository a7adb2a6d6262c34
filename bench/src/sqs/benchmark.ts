import { compareStyles } from '../aws/compare-styles.js';
import { withEmulator } from '../aws/emulator.js';
import { measureIdleSessions } from './idle-sessions.js';
import { createQueues } from './queues.js';
import type { AwsTransport } from '../aws/contenders.js';
import type { Progress } from '../benchmark.js';
import type { Report } from '../report.js';
import type { Settings } from '../settings.js';

const TRANSPORT: AwsTransport = {
  createChannels: createQueues,
  createSharedChannels: createQueues,
  server: new URL('asyncmcp-server.js', import.meta.url),
  client: new URL('asyncmcp-client.js', import.meta.url),
};

/** `@asyncmcp/sqs` and the same work on the bare AWS SDK, and what idle sessions cost. */
export function benchmarkSqs(settings: Settings, progress: Progress): Promise<Report> {
  return withEmulator(async (emulator) => {
    const throughput = { atLeast: 0.8 };
    const compared = await compareStyles({ transport: TRANSPORT, emulator, settings, progress, throughput });
    progress(`${settings.idle.sessions.toLocaleString('en-US')} idle sessions`);
    const idle = await measureIdleSessions(TRANSPORT, emulator, settings.idle);
    return { transport: 'sqs', sections: [...compared, idle] };
  });
}
