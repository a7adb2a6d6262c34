/** The same JSON-RPC as this project's, made and posted by hand. */
import { TEXT } from '../echo-server.js';
import type { Dispatcher } from 'undici';

/** Each way, kept alive: as many as calls are in flight. */
export const CONNECTIONS = 64;

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

export async function post(to: Dispatcher, path: string, message: unknown): Promise<void> {
  const { statusCode, body } = await to.request({
    path,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(message),
  });
  await body.dump();
  if (statusCode >= 300) throw new Error(`${path} answered ${statusCode}`);
}

/** A failure spoils the measurement: end it. */
export function fail(error: unknown): never {
  console.error('by hand:', error);
  process.exit(1);
}
