import { deepEqual, equal, match } from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { isAsyncMcpError, isRecord } from '@asyncmcp/core';
import { rejectionOf } from '../rejection.js';
import type { AsyncMcpErrorCode } from '@asyncmcp/core';
import type { Refusal } from './fixture.js';
import type { RawPeer, Reply } from './raw-peer.js';

/** A call that the transport, not the tool, answers with an error: its JSON-RPC code and its `data.code`. */
export async function assertRefused(call: Promise<unknown>, code: number, dataCode: AsyncMcpErrorCode): Promise<void> {
  const error: unknown = await rejectionOf(call);
  const { code: seen, data } = jsonRpcErrorIn(error);
  equal(seen, code, `rejected with ${String(error)}`);
  equal(dataCodeOf(data), dataCode);
}

/** Where the server answers while the client still sends, `send()` rejects, with the server's error in the transport's. */
function jsonRpcErrorIn(error: unknown): Readonly<Record<string, unknown>> {
  const inner: unknown = isAsyncMcpError(error) ? error.details['error'] : error;
  return isRecord(inner) ? inner : {};
}

/** The same of a reply that a raw peer got. */
export function assertRefusal(
  reply: Reply,
  { code, dataCode, says }: Pick<Refusal, 'code' | 'dataCode' | 'says'>,
): void {
  if (!('error' in reply)) throw new Error(`Not refused: ${JSON.stringify(reply)}`);
  equal(reply.error.code, code);
  equal(dataCodeOf(reply.error.data), dataCode);
  match(reply.error.message, says);
}

/** The server still answers a good request. */
export async function assertGoesOn(peer: RawPeer, sessionId: string): Promise<void> {
  const id = `good ${randomUUID()}`;
  await peer.request(id, 'ping', {}, { sessionId });
  deepEqual(await peer.reply(id), { jsonrpc: '2.0', id, result: {} });
}

/** The code of the transport's own error in the `data` of a JSON-RPC error. */
function dataCodeOf(data: unknown): unknown {
  return isRecord(data) ? data['code'] : undefined;
}
