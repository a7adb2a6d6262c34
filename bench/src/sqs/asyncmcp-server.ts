/** The server side, by this project: `SqsServer` with its defaults. */
import { SqsServer } from '@asyncmcp/sqs';
import { answerParent } from '../answer-parent.js';
import { createEchoServer } from '../echo-server.js';
import { createCountedClient } from './aws-client.js';
import type { ServerCommands } from '../contender.js';
import type { CountedClient } from './aws-client.js';
import type { Queues } from './queues.js';

let client: CountedClient | undefined;

answerParent<ServerCommands<Queues>>({
  async start({ endpoint, requestQueueUrl }) {
    client = createCountedClient(endpoint);
    const server = new SqsServer({ sqs: client.sqs, requestQueueUrl, createServer: () => createEchoServer() });
    server.onerror = (error) => console.error('asyncmcp server:', error);
    await server.start();
  },
  async usage() {
    if (client === undefined) throw new Error('not started');
    await client.settled();
    return client.usage();
  },
});
