/**
 * The demo's MCP server. The command that serves it over any transport is `@asyncmcp/demo-server/main`.
 *
 * @packageDocumentation
 */
export { createDemoMcpServer } from './demo-mcp-server.js';
export { createSafeFetch } from './safe-fetch.js';

export type { Log } from './calls.js';
export type { DemoMcpServerOptions } from './demo-mcp-server.js';
export type { Transport } from './replies.js';
export type { FetchedText, SafeFetch, SafeFetchOptions } from './safe-fetch.js';
export type { Broadcast } from './tools/announce.js';
