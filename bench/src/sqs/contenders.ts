import { Child } from '../child.js';
import { startProcessPair } from '../process-pair.js';
import { createQueues } from './queues.js';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { ClientCommands, Contender, Contenders, ServerCommands } from '../contender.js';
import type { Style } from './by-hand-calls.js';
import type { ByHandConnect } from './by-hand-client.js';
import type { ByHandStart } from './by-hand-server.js';
import type { Queues } from './queues.js';

/** Starts both, runs `use` with them, and stops them. */
export async function withContenders<T>(
  sqs: SQSClient,
  endpoint: string,
  style: Style,
  use: (contenders: Contenders) => Promise<T>,
): Promise<T> {
  const asyncmcp = await startAsyncMcp(await createQueues(sqs, endpoint, `asyncmcp-${style}`));
  const byHand = await startByHand({ ...(await createQueues(sqs, endpoint, `by-hand-${style}`)), style });
  try {
    return await use({ asyncmcp, byHand });
  } finally {
    await Promise.all([asyncmcp.stop(), byHand.stop()]);
  }
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
