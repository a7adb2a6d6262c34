import { TEXT } from './echo-server.js';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';

/** One call of the benchmarks, by this project: the SDK's `Client` over a transport. */
export async function callEcho(client: Client): Promise<void> {
  const { content } = await client.callTool({ name: 'echo', arguments: { text: TEXT } });
  if (!Array.isArray(content) || content.length !== 1) throw new Error('not the echo');
}
