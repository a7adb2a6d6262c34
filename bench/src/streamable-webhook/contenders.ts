import { Child } from '../child.js';
import { startCrowd } from '../growth/crowd.js';
import { startProcessPair } from '../process-pair.js';
import { startByHand } from '../webhook/contenders.js';
import type { Contender, Contenders } from '../contender.js';
import type { Crowd } from '../growth/crowd.js';
import type { HttpCrowdClientCommands } from '../webhook/crowd-client.js';
import type { AsyncMcpClientCommands } from './asyncmcp-client.js';
import type { AsyncMcpServerCommands } from './asyncmcp-server.js';
import type { ConnectionClientCommands } from './connection-client.js';
import type { SdkServerCommands } from './sdk-server.js';

/** Results over the connection: this project's server and the SDK's own transport, with the same bare client. */
export async function startBesideSdk(sessions: number): Promise<Contenders> {
  const asyncmcp = await startProcessPair({
    server: new Child<AsyncMcpServerCommands>(new URL('asyncmcp-server.js', import.meta.url)),
    start: { way: 'connection' },
    client: connectionClient(),
    connect: (serverUrl) => ({ serverUrl, sessions }),
  });
  const baseline = await startProcessPair({
    server: new Child<SdkServerCommands>(new URL('sdk-server.js', import.meta.url)),
    start: undefined,
    client: connectionClient(),
    connect: (serverUrl) => ({ serverUrl, sessions }),
  });
  return { asyncmcp, baseline };
}

/** Results by webhook: this project's server and client, and the same two POSTs by hand. */
export async function startBesideByHand(sessions: number): Promise<Contenders> {
  return { asyncmcp: await startByWebhook(sessions), baseline: await startByHand() };
}

/** Many sessions on one server of this project, whose results go by webhook. */
export function startStreamableCrowd(maxSessions: number): Promise<Crowd> {
  return startCrowd({
    server: new Child<AsyncMcpServerCommands>(new URL('asyncmcp-server.js', import.meta.url), ['--expose-gc']),
    start: { way: 'webhook', maxSessions },
    client: new Child<HttpCrowdClientCommands>(new URL('../webhook/crowd-client.js', import.meta.url)),
    connect: (serverUrl) => ({ serverUrl, dialect: 'streamable-webhook' }),
  });
}

function startByWebhook(sessions: number): Promise<Contender> {
  return startProcessPair({
    server: new Child<AsyncMcpServerCommands>(new URL('asyncmcp-server.js', import.meta.url)),
    start: { way: 'webhook' },
    client: new Child<AsyncMcpClientCommands>(new URL('asyncmcp-client.js', import.meta.url)),
    connect: (serverUrl) => ({ serverUrl, sessions }),
  });
}

function connectionClient(): Child<ConnectionClientCommands> {
  return new Child<ConnectionClientCommands>(new URL('connection-client.js', import.meta.url));
}
