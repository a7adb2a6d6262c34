import { createDemoMcpServer } from './demo-mcp-server.js';
import { describeReplies } from './replies.js';
import type { ServerLike, SessionInfo } from '@asyncmcp/core';
import type { ConsoleLog } from './console-log.js';
import type { DemoMcpServerOptions } from './demo-mcp-server.js';
import type { Transport } from './replies.js';

export interface OpenSessionOptions extends Pick<DemoMcpServerOptions, 'broadcast' | 'markSlow' | 'safeFetch'> {
  readonly log: ConsoleLog;
  readonly transport: Transport;
  /** The reply address as it is shown in the log. */
  readonly replyTo: string;
}

/** The MCP server of a session, which says what happens in it. */
export function openSession(session: SessionInfo, { log, replyTo, ...options }: OpenSessionOptions): ServerLike {
  const subject = subjectOf(session.id);
  const client = session.initializeParams.clientInfo.name;
  log.event(subject, `session ${session.resumed ? 'taken up again' : 'opened'} by ${client}`);
  log.event(subject, `replies go to ${replyTo}`);
  const mcp = createDemoMcpServer(session, {
    log: (line) => log.event(subject, line),
    replies: describeReplies(options.transport, session.replyTo),
    ...options,
  });
  mcp.server.onclose = () => log.event(subject, 'session closed');
  return mcp;
}

/** What lines about a session begin with. */
export function subjectOf(sessionId: string): string {
  return sessionId.slice(0, 8);
}
