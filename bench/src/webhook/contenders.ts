import { Child } from '../child.js';
import { startProcessPair } from '../process-pair.js';
import type { Contender, Contenders } from '../contender.js';
import type { AsyncMcpClientCommands, ClientSetup } from './asyncmcp-client.js';
import type { AsyncMcpServerCommands } from './asyncmcp-server.js';
import type { ByHandClientCommands } from './by-hand-client.js';
import type { ByHandServerCommands } from './by-hand-server.js';

export async function startBesideByHand(sessions: number): Promise<Contenders> {
  return { asyncmcp: await startAsyncMcp({ sessions, signed: true }), baseline: await startByHand() };
}

export async function startBesideUnsigned(sessions: number): Promise<Contenders> {
  return {
    asyncmcp: await startAsyncMcp({ sessions, signed: true }),
    baseline: await startAsyncMcp({ sessions, signed: false }),
  };
}

function startAsyncMcp(setup: ClientSetup): Promise<Contender> {
  return startProcessPair({
    server: new Child<AsyncMcpServerCommands>(new URL('asyncmcp-server.js', import.meta.url)),
    start: undefined,
    client: new Child<AsyncMcpClientCommands>(new URL('asyncmcp-client.js', import.meta.url)),
    connect: (serverUrl) => ({ ...setup, serverUrl }),
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
