/** The client side, by this project: the SDK's `Client` over `SqsClientTransport` with its defaults. */
import { SqsClientTransport } from '@asyncmcp/sqs';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { answerParent } from '../answer-parent.js';
import { TEXT } from '../echo-server.js';
import { makeCalls } from '../make-calls.js';
import { createCountedClient } from './aws-client.js';
import type { ClientCommands } from '../contender.js';
import type { CountedClient } from './aws-client.js';
import type { Queues } from './queues.js';

const mcp = new Client({ name: 'bench', version: '1.0.0' });
let client: CountedClient | undefined;

answerParent<ClientCommands<Queues>>({
  async connect({ endpoint, requestQueueUrl, responseQueueUrl }) {
    client = createCountedClient(endpoint);
    mcp.onerror = (error) => console.error('asyncmcp client:', error);
    await mcp.connect(new SqsClientTransport({ sqs: client.sqs, requestQueueUrl, responseQueueUrl }));
  },
  call: (workload) =>
    makeCalls(workload, async () => {
      const { content } = await mcp.callTool({ name: 'echo', arguments: { text: TEXT } });
      if (!Array.isArray(content) || content.length !== 1) throw new Error('not the echo');
    }),
  async usage() {
    if (client === undefined) throw new Error('not connected');
    await client.settled();
    return client.usage();
  },
});
