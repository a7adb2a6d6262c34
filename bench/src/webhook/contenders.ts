import { Child } from '../child.js';
import { startCrowd } from '../growth/crowd.js';
import { contenderOf, startProcessPair } from '../process-pair.js';
import type { Contender, Contenders } from '../contender.js';
import type { Crowd } from '../growth/crowd.js';
import type { AsyncMcpClientCommands } from './asyncmcp-client.js';
import type { AsyncMcpServerCommands } from './asyncmcp-server.js';
import type { ByHandClientCommands } from './by-hand-client.js';
import type { ByHandServerCommands } from './by-hand-server.js';
import type { HttpCrowdClientCommands } from './crowd-client.js';
import type { SdkClientCommands } from './sdk-client.js';
import type { SdkServerCommands } from './sdk-server.js';

export async function startBesideByHand(sessions: number): Promise<Contenders> {
  return { asyncmcp: await startAsyncMcp(sessions), baseline: await startByHand() };
}

/**
 * Both in the same two processes: what two processes that run the same code differ by, for where it lies in memory and what the compiler
 * has made of it, is more than what signing costs.
 */
export async function startBesideUnsigned(sessions: number): Promise<Contenders> {
  const { server, client, serverUrl } = await startServerAndClient();
  await client.ask('connect', { serverUrl, sessions, signed: true });
  await client.ask('connect', { serverUrl, sessions, signed: false });
  return {
    asyncmcp: contenderOf(server, client, (workload) => ({ ...workload, signed: true })),
    baseline: contenderOf(server, client, (workload) => ({ ...workload, signed: false })),
  };
}

/** What is left of the bare echo when the MCP SDK is put between, and nothing of this project. */
export async function startSdkBesideByHand(sessions: number): Promise<Contenders> {
  return { asyncmcp: await startSdk(sessions), baseline: await startByHand() };
}

export async function startBesideSdkAlone(sessions: number): Promise<Contenders> {
  return { asyncmcp: await startAsyncMcp(sessions), baseline: await startSdk(sessions) };
}

function startSdk(sessions: number): Promise<Contender> {
  return startProcessPair({
    server: new Child<SdkServerCommands>(new URL('sdk-server.js', import.meta.url)),
    start: undefined,
    client: new Child<SdkClientCommands>(new URL('sdk-client.js', import.meta.url)),
    connect: (serverUrl) => ({ serverUrl, sessions }),
  });
}

async function startAsyncMcp(sessions: number): Promise<Contender> {
  const { server, client, serverUrl } = await startServerAndClient();
  await client.ask('connect', { serverUrl, sessions, signed: true });
  return contenderOf(server, client, (workload) => ({ ...workload, signed: true }));
}

async function startServerAndClient() {
  const server = new Child<AsyncMcpServerCommands>(new URL('asyncmcp-server.js', import.meta.url));
  const client = new Child<AsyncMcpClientCommands>(new URL('asyncmcp-client.js', import.meta.url));
  return { server, client, serverUrl: await server.ask('start', {}) };
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
