import { deepEqual, equal } from 'node:assert/strict';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { Client as ClientV2 } from '@modelcontextprotocol/client';
import { McpServer as McpServerV2 } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { contractCase } from './contract-case.js';
import type { ContractGroup } from './contract-case.js';
import type { Stage } from './stage.js';

const CLIENT_INFO = { name: 'contract-client', version: '3.2.1' };

/** The SDK's second major, at either end or both: nothing of a transport may depend on the first. */
export const sdkV2: ContractGroup = {
  name: 'the SDK v2',
  cases: [
    contractCase('a v2 client and a v2 server: initialize, a tool call, progress', async (stage) => {
      await serveV2(stage);
      await countWithV2(stage, new ClientV2(CLIENT_INFO));
    }),

    contractCase('a v2 client that probes for a newer protocol falls back to initialize', async (stage) => {
      await serveV2(stage);
      const client = new ClientV2(CLIENT_INFO, { versionNegotiation: { mode: 'auto' } });
      await countWithV2(stage, client);
      equal(client.getServerVersion()?.name, 'contract-server-v2');
    }),

    contractCase('a v2 client and a v1 server', async (stage) => {
      await stage.server(stage.testServer());
      await countWithV2(stage, new ClientV2(CLIENT_INFO));
    }),

    contractCase('a v1 client and a v2 server', async (stage) => {
      await serveV2(stage);
      const client = new ClientV1(CLIENT_INFO);
      const seen: number[] = [];
      await client.connect(stage.transport());
      const options = { onprogress: ({ progress }: { progress: number }) => void seen.push(progress) };
      const { content } = await client.callTool({ name: 'count', arguments: { key: '3' } }, undefined, options);
      deepEqual(content, [{ type: 'text', text: 'counted to 3' }]);
      deepEqual(seen, [1, 2, 3]);
    }),

    contractCase('a v2 server takes an idle session up again', async (stage) => {
      const server = await serveV2(stage, { sessionIdleTimeoutMs: 20 });
      const client = new ClientV2(CLIENT_INFO);
      await client.connect(stage.transport());
      await stage.eventually('the session to be freed', () => server.sessions.list().length === 0);
      const { content } = await client.callTool({ name: 'count', arguments: { key: '0' } });
      deepEqual(content, [{ type: 'text', text: 'counted to 0' }]);
    }),
  ],
};

async function serveV2(
  stage: Stage,
  options: { readonly sessionIdleTimeoutMs?: number } = {},
): ReturnType<Stage['server']> {
  return stage.server(stage.testServer(), { ...options, createServer: createV2Server });
}

function createV2Server(): McpServerV2 {
  const server = new McpServerV2({ name: 'contract-server-v2', version: '1.2.3' });
  server.registerTool('count', { inputSchema: z.object({ key: z.string() }) }, async ({ key }, { mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken;
    for (let progress = 1; progress <= Number(key); progress++) {
      if (progressToken === undefined) throw new Error('Counting needs a progress token.');
      await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress } });
    }
    return { content: [{ type: 'text', text: `counted to ${key}` }] };
  });
  return server;
}

async function countWithV2(stage: Stage, client: ClientV2): Promise<void> {
  const transport = stage.transport();
  const errors: Error[] = [];
  client.onerror = (error) => void errors.push(error);
  await client.connect(transport);
  const seen: number[] = [];
  const onprogress = ({ progress }: { progress: number }): void => void seen.push(progress);
  const { content } = await client.callTool({ name: 'count', arguments: { key: '3' } }, { onprogress });
  deepEqual(content, [{ type: 'text', text: 'counted to 3' }]);
  deepEqual(seen, [1, 2, 3]);
  deepEqual(errors, []);
}
