import { Child } from '../child.js';
import { startCrowd } from '../growth/crowd.js';
import { startProcessPair } from '../process-pair.js';
import type { Contender, Contenders } from '../contender.js';
import type { Crowd } from '../growth/crowd.js';
import type { AsyncMcpClientCommands, ClientSetup } from './asyncmcp-client.js';
import type { AsyncMcpServerCommands } from './asyncmcp-server.js';
import type { ByHandClientCommands } from './by-hand-client.js';
import type { ByHandServerCommands } from './by-hand-server.js';
import type { HttpCrowdClientCommands } from './crowd-client.js';
import type { SdkClientCommands } from './sdk-client.js';
import type { SdkServerCommands } from './sdk-server.js';

export async function startBesideByHand(sessions: number): Promise<Contenders> {
  return { asyncmcp: await startAsyncMcp({ sessions, signed: true }), baseline: await startByHand() };
}

export async function startBesideUnsigned(sessions: number): Promise<Contenders> {
  return {
    asyncmcp: await startAsyncMcp({ sessions, signed: true }),
    baseline: await startAsyncMcp({ sessions, signed: false }),
  };
}

/** What is left of the bare echo when the MCP SDK is put between, and nothing of this project. */
export async function startSdkBesideByHand(sessions: number): Promise<Contenders> {
  return { asyncmcp: await startSdk(sessions), baseline: await startByHand() };
}

export async function startBesideSdkAlone(sessions: number): Promise<Contenders> {
  return { asyncmcp: await startAsyncMcp({ sessions, signed: true }), baseline: await startSdk(sessions) };
}

function startSdk(sessions: number): Promise<Contender> {
  return startProcessPair({
    server: new Child<SdkServerCommands>(new URL('sdk-server.js', import.meta.url)),
    start: undefined,
    client: new Child<SdkClientCommands>(new URL('sdk-client.js', import.meta.url)),
    connect: (serverUrl) => ({ serverUrl, sessions }),
  });
}

function startAsyncMcp(setup: ClientSetup): Promise<Contender> {
  return startProcessPair({
    server: new Child<AsyncMcpServerCommands>(new URL('asyncmcp-server.js', import.meta.url)),
    start: {},
    client: new Child<AsyncMcpClientCommands>(new URL('asyncmcp-client.js', import.meta.url)),
    connect: (serverUrl) => ({ ...setup, serverUrl }),
  });
}

/** Many sessions on one server of this project. */
export function startWebhookCrowd(maxSessions: number): Promise<Crowd> {
  return startCrowd({
    server: new Child<AsyncMcpServerCommands>(new URL('asyncmcp-server.js', import.meta.url), ['--expose-gc']),
    start: { maxSessions },
    client: new Child<HttpCrowdClientCommands>(new URL('crowd-client.js', import.meta.url)),
    connect: (serverUrl) => ({ serverUrl, dialect: 'webhook' }),
  });
}

export function startByHand(): Promise<Contender> {
  return startProcessPair({
    server: new Child<ByHandServerCommands>(new URL('by-hand-server.js', import.meta.url)),
    start: undefined,
    client: new Child<ByHandClientCommands>(new URL('by-hand-client.js', import.meta.url)),
    connect: (serverUrl) => serverUrl,
  });
}
