/** Many clients with a session each, by hand: they cost next to nothing, so that it is the server which is measured. */
import { answerParent } from '../answer-parent.js';
import { createCountedClients } from './aws-clients.js';
import { callInBatches } from './by-hand-batches.js';
import { requestMessage } from './by-hand-messages.js';
import { openSessions } from './open-sessions.js';
import type { CrowdClientCommands } from '../contender.js';
import type { CountedClients } from './aws-clients.js';
import type { Asker, OutgoingRequest } from './by-hand-messages.js';
import type { Channels } from './channels.js';

export type AwsCrowdClientCommands = CrowdClientCommands<Channels>;

interface Connected {
  readonly clients: CountedClients;
  readonly channels: Channels;
}

const askers: Asker[] = [];
let connected: Connected | undefined;
let nextId = 0;

function get(): Connected {
  if (connected === undefined) throw new Error('not connected');
  return connected;
}

function nextRequest(): OutgoingRequest {
  const id = nextId++;
  const asker = askers[id % askers.length];
  if (asker === undefined) throw new Error('no session is open');
  return requestMessage(id, asker);
}

answerParent<AwsCrowdClientCommands>({
  connect(channels) {
    connected = { channels, clients: createCountedClients(channels.endpoint) };
  },
  async open(count) {
    const { clients, channels } = get();
    askers.push(...(await openSessions(clients, channels, count)));
  },
  call(workload) {
    const { clients, channels } = get();
    return callInBatches(clients, channels, workload, nextRequest);
  },
  usage: () => get().clients.usage(),
});
