/** The client side for results over the connection: as little as it takes, so that it is the servers which are compared. */
import { Pool } from 'undici';
import { answerParent } from '../answer-parent.js';
import { TEXT } from '../echo-server.js';
import { INITIALIZED, initializeRequest } from '../handshake.js';
import { makeCalls } from '../make-calls.js';
import { countRequests } from '../webhook/usage.js';
import type { ClientCommands } from '../contender.js';

export interface Connect {
  readonly serverUrl: string;
  /** Each with a connection of its own; calls in flight are spread over them. */
  readonly sessions: number;
}

export type ConnectionClientCommands = ClientCommands<Connect>;

const usage = countRequests();
const sessions: string[] = [];
let pool: Pool | undefined;
let nextId = 1;

/** Posts a message; resolves with the session and the whole of what was answered. */
async function post(message: object, sessionId: string | undefined): Promise<{ sessionId: unknown; text: string }> {
  if (pool === undefined) throw new Error('not connected');
  const { statusCode, headers, body } = await pool.request({
    path: '/mcp',
    method: 'POST',
    headers: {
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      'mcp-protocol-version': '2025-06-18',
      ...(sessionId !== undefined && { 'mcp-session-id': sessionId }),
    },
    body: JSON.stringify(message),
  });
  const text = await body.text();
  if (statusCode >= 300) throw new Error(`the server answered ${statusCode}: ${text}`);
  return { sessionId: headers['mcp-session-id'], text };
}

async function openSession(): Promise<void> {
  const { sessionId } = await post(initializeRequest(0), undefined);
  if (typeof sessionId !== 'string') throw new Error('the answer to initialize names no session');
  await post(INITIALIZED, sessionId);
  sessions.push(sessionId);
}

async function call(lane: number): Promise<void> {
  const params = { name: 'echo', arguments: { text: TEXT } };
  const request = { jsonrpc: '2.0', id: nextId++, method: 'tools/call', params };
  const { text } = await post(request, sessions[lane % sessions.length]);
  const data = /^data: (.*)$/m.exec(text)?.[1] ?? '';
  const { id, result } = JSON.parse(data) as { id: unknown; result: { content: readonly unknown[] } };
  if (id !== request.id || result.content.length !== 1) throw new Error('not the echo');
}

answerParent<ConnectionClientCommands>({
  async connect({ serverUrl, sessions: count }) {
    pool = new Pool(new URL(serverUrl).origin, { connections: count });
    await Promise.all(Array.from({ length: count }, openSession));
  },
  call: (workload) => makeCalls(workload, call),
  usage,
});
