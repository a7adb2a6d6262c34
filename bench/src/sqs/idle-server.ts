/** An `SqsServer` that holds many sessions. */
import { SqsServer } from '@asyncmcp/sqs';
import { answerParent } from '../answer-parent.js';
import { createEchoServer } from '../echo-server.js';
import { liveHeap } from '../heap.js';
import { createCountedClient } from './aws-client.js';
import type { Usage } from '../usage.js';
import type { CountedClient } from './aws-client.js';
import type { Queues } from './queues.js';

export interface IdleServerStart extends Queues {
  readonly maxSessions: number;
}

export type IdleServerCommands = {
  start: { input: IdleServerStart; output: void };
  usage: { input: undefined; output: Usage };
  sessions: { input: undefined; output: number };
  /** Bytes. */
  heap: { input: undefined; output: number };
};

let running: { readonly client: CountedClient; readonly server: SqsServer } | undefined;

function get(): NonNullable<typeof running> {
  if (running === undefined) throw new Error('not started');
  return running;
}

answerParent<IdleServerCommands>({
  async start({ endpoint, requestQueueUrl, maxSessions }) {
    const client = createCountedClient(endpoint);
    const createServer = () => createEchoServer();
    const server = new SqsServer({ sqs: client.sqs, requestQueueUrl, maxSessions, createServer });
    server.onerror = (error) => console.error('idle server:', error);
    await server.start();
    running = { client, server };
  },
  async usage() {
    const { client } = get();
    await client.settled();
    return client.usage();
  },
  sessions: () => get().server.sessions.list().length,
  heap: liveHeap,
});
