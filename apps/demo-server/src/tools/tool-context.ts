import type { SessionInfo } from '@asyncmcp/core';
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { Calls } from '../calls.js';

/** What every tool is registered with. */
export interface ToolContext {
  readonly server: McpServer;
  readonly session: SessionInfo;
  readonly calls: Calls;
}
