import { Child } from '../child.js';
import { startProcessPair } from '../process-pair.js';
import { createQueues } from './queues.js';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { ClientCommands, Contender, Contenders, ServerCommands } from '../contender.js';
import type { Style } from './by-hand-calls.js';
import type { ByHandConnect } from './by-hand-client.js';
import type { ByHandStart } from './by-hand-server.js';
import type { Queues } from './queues.js';

let starts = 0;

/** Starts both, each on queues of its own, which nobody polls from before. */
export async function startContenders(sqs: SQSClient, endpoint: string, style: Style): Promise<Contenders> {
  const suffix = `${style}-${++starts}`;
  const asyncmcp = await startAsyncMcp(await createQueues(sqs, endpoint, `asyncmcp-${suffix}`));
  const byHand = await startByHand({ ...(await createQueues(sqs, endpoint, `by-hand-${suffix}`)), style });
  return { asyncmcp, byHand };
}

function startAsyncMcp(queues: Queues): Promise<Contender> {
  return startProcessPair({
    server: new Child<ServerCommands<Queues>>(new URL('asyncmcp-server.js', import.meta.url)),
    start: queues,
    client: new Child<ClientCommands<Queues>>(new URL('asyncmcp-client.js', import.meta.url)),
    connect: queues,
  });
}

function startByHand(queues: Queues & { readonly style: Style }): Promise<Contender> {
  return startProcessPair({
    server: new Child<ServerCommands<ByHandStart>>(new URL('by-hand-server.js', import.meta.url)),
    start: queues,
    client: new Child<ClientCommands<ByHandConnect>>(new URL('by-hand-client.js', import.meta.url)),
    connect: queues,
  });
}
