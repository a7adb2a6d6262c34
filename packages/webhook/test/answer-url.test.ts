import { expect, it } from '@jest/globals';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { startHttpProxy } from '@asyncmcp/testkit';
import { atTheEnd } from './server-system.js';
import { call, useSystem } from './system.js';

const system = useSystem();

function asking(): McpServer {
  const mcp = new McpServer({ name: 'asking', version: '1.0.0' });
  mcp.registerTool('ask', {}, async ({ requestId }) => {
    const params = { message: 'who?', requestedSchema: { type: 'object' as const, properties: {} } };
    const { action } = await mcp.server.elicitInput(params, { relatedRequestId: requestId });
    return { content: [{ type: 'text', text: action }] };
  });
  return mcp;
}

/** Answers what the server asks. */
async function answeringClient(allowReplyTo?: (url: string) => boolean): Promise<{ client: Client; errors: Error[] }> {
  const transport = system().transport(allowReplyTo === undefined ? {} : { allowReplyTo });
  const client = new Client({ name: 'test', version: '1.0.0' }, { capabilities: { elicitation: {} } });
  const errors: Error[] = [];
  client.onerror = (error) => void errors.push(error);
  client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'decline' }));
  await client.connect(transport);
  return { client, errors };
}

it('a client answers at the URL of the process that asks, if it may', async () => {
  // Straight to the server, which a proxy of its own stands for: its port is known before the server's is.
  const direct = await startHttpProxy(() => system().targets[0]);
  atTheEnd(() => direct.close());
  const answerUrl = `${direct.url}/mcp/request`;
  await system().server({ createServer: asking, answerUrl });
  const { client, errors } = await answeringClient((url) => url === answerUrl);
  const before = system().requests.forwarded;
  expect(await call(client, 'ask')).toBe('decline');
  // The call came the one way, the answer the other.
  expect([system().requests.forwarded - before, direct.forwarded]).toEqual([1, 1]);
  expect(errors).toEqual([]);
});

it('a URL of another origin is not answered at by default: the answer goes where everything goes', async () => {
  await system().server({ createServer: asking, answerUrl: 'http://127.0.0.1:9/elsewhere' });
  const { client, errors } = await answeringClient();
  expect(await call(client, 'ask')).toBe('decline');
  expect(errors).toMatchObject([{ code: 'ERR_REPLY_ADDRESS_REFUSED' }]);
});
