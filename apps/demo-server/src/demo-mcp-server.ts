import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { Calls } from './calls.js';
import { registerPrompts } from './prompts.js';
import { registerResources } from './resources.js';
import { createSafeFetch } from './safe-fetch.js';
import { registerAnalyze } from './tools/analyze.js';
import { registerAnnounce } from './tools/announce.js';
import { TOOLS } from './tools/catalogue.js';
import { registerFetch } from './tools/fetch.js';
import { registerIntroduce } from './tools/introduce.js';
import { registerServerInfo } from './tools/server-info.js';
import { registerDivide, registerGreet } from './tools/simple-tools.js';
import { registerCountWords, registerWait } from './tools/slow-tools.js';
import type { SessionInfo } from '@asyncmcp/core';
import type { RegisteredTool } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { Log } from './calls.js';
import type { Transport } from './replies.js';
import type { SafeFetch } from './safe-fetch.js';
import type { Broadcast } from './tools/announce.js';

export interface DemoMcpServerOptions {
  /** Told in a line what happens in the session. Default: silent. */
  readonly log?: Log | undefined;
  /** For transports that can; adds the tool `announce`. */
  readonly broadcast?: Broadcast | undefined;
  /** Given each tool that takes its time, where a transport treats those in another way. */
  readonly markSlow?: ((tool: RegisteredTool) => unknown) | undefined;
  /** What the session is served over, for `server_info`. Default: it does not say. */
  readonly transport?: Transport | undefined;
  /** How replies travel in the session, for `server_info`: `to the queue …`. Default: to the session's reply address. */
  readonly replies?: string | undefined;
  /** Gets what `fetch` and `analyze` are asked for. Default: {@link createSafeFetch} with its defaults. */
  readonly safeFetch?: SafeFetch | undefined;
}

/**
 * The MCP server of one session. Nothing in it knows of queues: it is what any `McpServer` of the SDK is, and each
 * transport runs it as it is.
 */
export function createDemoMcpServer(session: SessionInfo, options: DemoMcpServerOptions = {}): McpServer {
  const { log = () => {}, broadcast, markSlow = () => {}, safeFetch = createSafeFetch() } = options;
  const { transport, replies = `to ${session.replyTo}` } = options;
  // The specification wants the capability of whoever sends notifications/message, which is what `announce` broadcasts.
  const capabilities = broadcast === undefined ? {} : { logging: {} };
  const server = new McpServer({ name: 'asyncmcp-demo-server', version: '1.0.0' }, { capabilities });
  const context = { server, session, calls: new Calls(log) };

  registerGreet(context);
  registerDivide(context);
  registerFetch(context, safeFetch);
  registerIntroduce(context);
  registerServerInfo(context, { transport, replies });
  const slowTools = [registerAnalyze(context, safeFetch), registerCountWords(context), registerWait(context)];
  for (const tool of slowTools) markSlow(tool);
  if (broadcast !== undefined) registerAnnounce(context, broadcast);

  const { announce: _announce, ...others } = TOOLS;
  registerResources(server, broadcast === undefined ? others : TOOLS);
  registerPrompts(server);
  return server;
}
