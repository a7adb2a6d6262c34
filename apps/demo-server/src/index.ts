/**
 * The demo's MCP server. The command that serves it over any transport is `@asyncmcp/demo-server/main`.
 *
 * @packageDocumentation
 */
export { createDemoMcpServer } from './demo-mcp-server.js';

export type { Log } from './calls.js';
export type { Broadcast, DemoMcpServerOptions } from './demo-mcp-server.js';
