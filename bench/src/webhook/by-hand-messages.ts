/** The same two POSTs as this project's, with the same JSON-RPC and metadata, made by hand; neither checked nor signed. */
import { randomUUID } from 'node:crypto';
import { TEXT } from '../echo-server.js';
import type { Dispatcher } from 'undici';

/** Most each way, kept alive: as many as calls are in flight at most. */
export const CONNECTIONS = 256;

export interface EchoRequest {
  readonly method: string;
  readonly params: { readonly name: string; readonly arguments: { readonly text: string } };
  readonly jsonrpc: string;
  readonly id: number;
}

export interface EchoReply {
  readonly result: { readonly content: readonly unknown[] };
  readonly jsonrpc: string;
  readonly id: number;
}

export function echoRequest(id: number): EchoRequest {
  return { method: 'tools/call', params: { name: 'echo', arguments: { text: TEXT } }, jsonrpc: '2.0', id };
}

export function echoOf({ id, params }: EchoRequest): EchoReply {
  return { result: { content: [{ type: 'text', text: params.arguments.text }] }, jsonrpc: '2.0', id };
}

/** What goes with every message, each way, as with this project's: who it is from, its session, its id. */
export const METADATA = {
  'content-type': 'application/json',
  'x-client-id': randomUUID(),
  'x-session-id': randomUUID(),
};

export function requestHeaders({ id, method }: EchoRequest): Record<string, string> {
  return {
    ...METADATA,
    'x-protocol-version': '2025-11-25',
    'x-message-id': randomUUID(),
    'x-request-id': String(id),
    'x-method': method,
  };
}

export function replyHeaders(): Record<string, string> {
  return { ...METADATA, 'x-message-id': randomUUID(), 'user-agent': 'by-hand' };
}

export async function post(
  to: Dispatcher,
  path: string,
  message: unknown,
  headers: Record<string, string> = METADATA,
): Promise<void> {
  const { statusCode, body } = await to.request({ path, method: 'POST', headers, body: JSON.stringify(message) });
  await body.dump();
  if (statusCode >= 300) throw new Error(`${path} answered ${statusCode}`);
}

/** A failure spoils the measurement: end it. */
export function fail(error: unknown): never {
  console.error('by hand:', error);
  process.exit(1);
}
