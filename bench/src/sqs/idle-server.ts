/** An `SqsServer` that holds many sessions. */
import { SqsServer } from '@asyncmcp/sqs';
import { answerParent } from '../answer-parent.js';
import { createCountedClients } from '../aws/aws-clients.js';
import { createEchoServer } from '../echo-server.js';
import { liveHeap } from '../heap.js';
import type { CountedClients } from '../aws/aws-clients.js';
import type { Channels } from '../aws/channels.js';
import type { Usage } from '../usage.js';

export interface IdleServerStart extends Channels {
  readonly maxSessions: number;
}

export type IdleServerCommands = {
  start: { input: IdleServerStart; output: void };
  usage: { input: undefined; output: Usage };
  sessions: { input: undefined; output: number };
  /** Bytes. */
  heap: { input: undefined; output: number };
};

let running: { readonly clients: CountedClients; readonly server: SqsServer } | undefined;

function get(): NonNullable<typeof running> {
  if (running === undefined) throw new Error('not started');
  return running;
}

answerParent<IdleServerCommands>({
  async start({ endpoint, requests, maxSessions }) {
    const clients = createCountedClients(endpoint);
    const createServer = () => createEchoServer();
    const server = new SqsServer({ sqs: clients.sqs, requestQueueUrl: requests.queueUrl, maxSessions, createServer });
    server.onerror = (error) => console.error('idle server:', error);
    await server.start();
    running = { clients, server };
  },
  usage: () => get().clients.usage(),
  sessions: () => get().server.sessions.list().length,
  heap: liveHeap,
});
