import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { ExecutionLog } from './execution-log.js';
import { Gates } from './gates.js';
import { addFeatures } from './test-features.js';
import { addTools } from './test-tools.js';
import type { CreateServer, SessionInfo } from '@asyncmcp/core';

export const SERVER_INFO = { name: 'contract-server', version: '1.2.3' };

/**
 * The user's side of a server under test: real `McpServer` objects whose tools the test controls and whose runs it sees.
 * One test server may serve several transports' servers, which are then replicas of each other.
 */
export class TestServer {
  readonly log: ExecutionLog;
  readonly gates = new Gates();
  /** What `createServer` was called with, in order. */
  readonly created: SessionInfo[] = [];
  /** The newest server object of each session. */
  readonly servers = new Map<string, McpServer>();

  constructor(patienceMs: number) {
    this.log = new ExecutionLog(patienceMs);
  }

  readonly createServer: CreateServer = (session) => {
    const server = new McpServer(SERVER_INFO, { capabilities: { logging: {}, resources: { subscribe: true } } });
    addTools(server, this);
    addFeatures(server);
    this.created.push(session);
    this.servers.set(session.id, server);
    return server;
  };

  /** The server object of a session, which must be live. */
  serverOf(sessionId: string | undefined): McpServer {
    const server = sessionId === undefined ? undefined : this.servers.get(sessionId);
    if (server === undefined) throw new Error(`There is no server for session ${sessionId ?? '(none)'}.`);
    return server;
  }
}
