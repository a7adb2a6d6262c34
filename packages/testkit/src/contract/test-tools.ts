import {
  CreateMessageResultSchema,
  ElicitResultSchema,
  ListRootsResultSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type {
  CallToolResult,
  CreateMessageRequest,
  CreateMessageResult,
  ServerNotification,
  ServerRequest,
} from '@modelcontextprotocol/sdk/types.js';
import type { TestServer } from './test-server.js';

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;

/** What a tool of the test server does with its one argument; resolves with the text of its result. */
type Work = (key: string, extra: Extra, server: McpServer, test: TestServer) => Promise<string>;

/** Every tool of the test server takes one text argument, `key`. */
const TOOLS: Readonly<Record<string, Work>> = {
  echo: async (key) => key,
  fail: async (key) => {
    throw new Error(`failed on purpose: ${key}`);
  },
  whoami: async (_key, { sessionId }) => sessionId ?? '',
  large: async (bytes) => 'x'.repeat(Number(bytes)),

  /** Ends when its gate opens or it is cancelled. */
  gated: async (gate, { signal }, _server, { gates }) => {
    await gates.wait(gate, signal);
    return `passed ${gate}`;
  },
  /** Ends when its gate opens, cancelled or not. */
  stubborn: async (gate, _extra, _server, { gates }) => {
    await gates.wait(gate);
    return `passed ${gate}`;
  },

  count: async (to, extra) => {
    for (let progress = 1; progress <= Number(to); progress++) await sendProgress(extra, progress, Number(to));
    return `counted to ${to}`;
  },
  /** Its last word comes after its result. */
  straggle: async (gate, extra, _server, { gates }) => {
    const late = async (): Promise<void> => {
      await gates.wait(gate);
      await sendProgress(extra, 99, 100);
    };
    void late();
    return 'done already';
  },

  sample: async (prompt, extra) => textOf(await extra.sendRequest(sampling(prompt), CreateMessageResultSchema)),
  /** As most servers do it: the request does not name the call it belongs to. */
  'sample-aside': async (prompt, _extra, { server }) => textOf(await server.createMessage(sampling(prompt).params)),
  /** Gives up at once. */
  'sample-impatiently': async (prompt, extra) => {
    const result = await extra.sendRequest(sampling(prompt), CreateMessageResultSchema, { timeout: 1 });
    return textOf(result);
  },
  'sample-with-progress': async (prompt, extra) => {
    const seen: number[] = [];
    const onprogress = ({ progress }: { progress: number }): void => void seen.push(progress);
    await extra.sendRequest(sampling(prompt), CreateMessageResultSchema, { onprogress });
    return seen.join(',');
  },
  elicit: async (message, extra) => {
    const requestedSchema = { type: 'object' as const, properties: { name: { type: 'string' as const } } };
    const request = { method: 'elicitation/create' as const, params: { message, requestedSchema } };
    const { action, content } = await extra.sendRequest(request, ElicitResultSchema);
    return `${action} ${JSON.stringify(content)}`;
  },
  roots: async (_key, extra) => {
    const { roots } = await extra.sendRequest({ method: 'roots/list' }, ListRootsResultSchema);
    return roots.map(({ uri }) => uri).join(',');
  },

  log: async (text, extra) => {
    await sendLog(extra, text);
    return 'logged';
  },
  /** Says of which kind the failure to send was. */
  'log-large': async (bytes, extra) => {
    try {
      await sendLog(extra, 'x'.repeat(Number(bytes)));
      return 'logged';
    } catch (error) {
      return error instanceof Error && 'code' in error ? String(error.code) : String(error);
    }
  },
  update: async (uri, _extra, { server }) => {
    await server.sendResourceUpdated({ uri });
    return 'updated';
  },
  grow: async (name, _extra, server) => {
    server.registerTool(name, {}, () => result('grown'));
    server.registerPrompt(name, {}, () => ({ messages: [] }));
    server.registerResource(name, `contract://${name}`, {}, () => ({ contents: [] }));
    return 'grown';
  },
  quit: async (gate, _extra, server, { gates }) => {
    await server.close();
    await gates.wait(gate);
    return 'closed';
  },
};

export function addTools(server: McpServer, test: TestServer): void {
  for (const [tool, work] of Object.entries(TOOLS)) {
    server.registerTool(tool, { inputSchema: { key: z.string() } }, ({ key }, extra) => {
      const { sessionId, requestId, signal } = extra;
      const run = { tool, key, sessionId, requestId };
      return test.log.record(run, signal, async () => result(await work(key, extra, server, test)));
    });
  }
}

function result(text: string): CallToolResult {
  return { content: [{ type: 'text', text }] };
}

function sampling(text: string): CreateMessageRequest {
  const messages = [{ role: 'user' as const, content: { type: 'text' as const, text } }];
  return { method: 'sampling/createMessage', params: { messages, maxTokens: 10 } };
}

function textOf({ content }: CreateMessageResult): string {
  return content.type === 'text' ? content.text : content.type;
}

async function sendProgress({ _meta, sendNotification }: Extra, progress: number, total: number): Promise<void> {
  const progressToken = _meta?.progressToken;
  if (progressToken === undefined) throw new Error('This tool is to be called with a progress token.');
  await sendNotification({ method: 'notifications/progress', params: { progressToken, progress, total } });
}

async function sendLog({ sendNotification }: Extra, data: string): Promise<void> {
  await sendNotification({ method: 'notifications/message', params: { level: 'warning', data } });
}
