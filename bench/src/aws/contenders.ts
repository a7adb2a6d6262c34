import { Child } from '../child.js';
import { startCrowd } from '../growth/crowd.js';
import { startProcessPair } from '../process-pair.js';
import type { ClientCommands, Contender, Contenders, ServerCommands } from '../contender.js';
import type { Crowd } from '../growth/crowd.js';
import type { AwsServerCommands } from './answer-as-server.js';
import type { Style } from './by-hand-calls.js';
import type { ByHandConnect } from './by-hand-client.js';
import type { ByHandStart } from './by-hand-server.js';
import type { Channels } from './channels.js';
import type { AwsCrowdClientCommands } from './crowd-client.js';
import type { Emulator } from './emulator.js';

/** What one transport over AWS differs in from another. */
export interface AwsTransport {
  /** Makes the queues, and topics, of one contender. */
  createChannels(emulator: Emulator, name: string): Promise<Channels>;
  /** The same for clients that share the queue for replies. */
  createSharedChannels(emulator: Emulator, name: string): Promise<Channels>;
  /** This project's server side: a program that calls `answerAsServer`. */
  readonly server: URL;
  /** This project's client side: a program that calls `answerAsClient`. */
  readonly client: URL;
}

let starts = 0;

/** Starts both, each on queues of its own, which nobody polls from before. */
export async function startContenders(transport: AwsTransport, emulator: Emulator, style: Style): Promise<Contenders> {
  const suffix = `${style}-${++starts}`;
  const asyncmcp = await startAsyncMcp(transport, await transport.createChannels(emulator, `asyncmcp-${suffix}`));
  const baseline = await startByHand({ ...(await transport.createChannels(emulator, `by-hand-${suffix}`)), style });
  return { asyncmcp, baseline };
}

/** Many sessions on one server of this project. Their clients share a queue. */
export async function startAwsCrowd(transport: AwsTransport, emulator: Emulator, maxSessions: number): Promise<Crowd> {
  const channels = await transport.createSharedChannels(emulator, `crowd-${++starts}`);
  return startCrowd({
    server: new Child<AwsServerCommands>(transport.server, ['--expose-gc']),
    start: { ...channels, maxSessions },
    client: new Child<AwsCrowdClientCommands>(new URL('crowd-client.js', import.meta.url)),
    connect: () => channels,
  });
}

function startAsyncMcp({ server, client }: AwsTransport, channels: Channels): Promise<Contender> {
  return startProcessPair({
    server: new Child<AwsServerCommands>(server),
    start: channels,
    client: new Child<ClientCommands<Channels>>(client),
    connect: () => channels,
  });
}

function startByHand(channels: Channels & { readonly style: Style }): Promise<Contender> {
  return startProcessPair({
    server: new Child<ServerCommands<ByHandStart>>(new URL('by-hand-server.js', import.meta.url)),
    start: channels,
    client: new Child<ClientCommands<ByHandConnect>>(new URL('by-hand-client.js', import.meta.url)),
    connect: () => channels,
  });
}
