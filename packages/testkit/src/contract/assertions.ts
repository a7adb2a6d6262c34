import { equal } from 'node:assert/strict';
import { isRecord } from '@asyncmcp/core';
import { rejectionOf } from '../rejection.js';
import type { AsyncMcpErrorCode } from '@asyncmcp/core';

/** A call that the transport, not the tool, answers with an error: its JSON-RPC code and its `data.code`. */
export async function assertRefused(call: Promise<unknown>, code: number, dataCode: AsyncMcpErrorCode): Promise<void> {
  const error: unknown = await rejectionOf(call);
  const { code: seen, data } = isRecord(error) ? error : {};
  equal(seen, code, `rejected with ${String(error)}`);
  equal(dataCodeOf(data), dataCode);
}

/** The code of the transport's own error in the `data` of a JSON-RPC error. */
export function dataCodeOf(data: unknown): unknown {
  return isRecord(data) ? data['code'] : undefined;
}
