import { createDeferred } from '@asyncmcp/testkit';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { CreateMessageResultSchema, ElicitResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import { webhookTool } from '../src/index.js';
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import type { ServerNotification, ServerRequest } from '@modelcontextprotocol/sdk/types.js';

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;

/** One run of a tool. */
export interface Run {
  readonly tool: string;
  readonly extra: Extra;
}

/** The tools of a server, each under its name and, by webhook, as `…_by_webhook`. */
export interface Tools {
  readonly createServer: () => McpServer;
  /** The servers made so far. */
  readonly made: readonly McpServer[];
  readonly runs: readonly Run[];
  /** Lets `slow` end, now and from now on. */
  readonly finish: () => void;
}

const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] });

export function createTools(): Tools {
  const gate = createDeferred<void>();
  const runs: Run[] = [];
  const made: McpServer[] = [];

  /** Tells its progress, and waits to be let go. */
  async function slow(extra: Extra): Promise<string> {
    const progressToken = extra._meta?.progressToken;
    if (progressToken !== undefined) {
      await extra.sendNotification({ method: 'notifications/progress', params: { progressToken, progress: 1 } });
    }
    const cancelled = new Promise<void>((resolve) => {
      extra.signal.addEventListener('abort', () => resolve());
    });
    await Promise.race([gate.promise, cancelled]);
    return 'slow and steady';
  }

  async function sample(extra: Extra): Promise<string> {
    const content = { type: 'text' as const, text: 'what do you say?' };
    const params = { maxTokens: 10, messages: [{ role: 'user' as const, content }] };
    const request = { method: 'sampling/createMessage' as const, params };
    const { content: said } = await extra.sendRequest(request, CreateMessageResultSchema);
    return JSON.stringify(said);
  }

  async function elicit(extra: Extra): Promise<string> {
    const requestedSchema = { type: 'object' as const, properties: { name: { type: 'string' as const } } };
    const params = { message: 'who are you?', requestedSchema };
    const answer = await extra.sendRequest({ method: 'elicitation/create', params }, ElicitResultSchema);
    return JSON.stringify(answer);
  }

  function createServer(): McpServer {
    const mcp = new McpServer({ name: 'client-test', version: '1.0.0' });
    made.push(mcp);
    const plain = { slow, sample, elicit };
    const inputSchema = { value: z.string() };
    for (const suffix of ['', '_by_webhook']) {
      const marked = suffix === '' ? <T extends object>(tool: T): T => tool : webhookTool;
      const echo = `echo${suffix}`;
      marked(
        mcp.registerTool(echo, { inputSchema }, ({ value }, extra) => {
          runs.push({ tool: echo, extra });
          return text(value);
        }),
      );
      for (const [name, run] of Object.entries(plain)) {
        marked(
          mcp.registerTool(name + suffix, {}, async (extra) => {
            runs.push({ tool: name + suffix, extra });
            return text(await run(extra));
          }),
        );
      }
    }
    mcp.registerResource('greeting', 'test://greeting', {}, async ({ href }) => ({
      contents: [{ uri: href, text: 'hello' }],
    }));
    return mcp;
  }

  return { createServer, made, runs, finish: () => gate.resolve() };
}
