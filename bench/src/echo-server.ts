import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { z } from 'zod';

/** What every call of the benchmarks says, and is answered. */
export const TEXT = 'The quick brown fox jumps over the lazy dog, sixty-four characters.';

/** The user's MCP server: one trivial tool. */
export function createEchoServer(): McpServer {
  const server = new McpServer({ name: 'bench', version: '1.0.0' });
  server.registerTool(
    'echo',
    { description: 'Says what it was told', inputSchema: { text: z.string() } },
    ({ text }) => ({ content: [{ type: 'text', text }] }),
  );
  return server;
}
