import { checkMessage, invalidOption, isForEverybody, isRecord } from '@asyncmcp/core';
import type { JSONRPCNotification } from '@modelcontextprotocol/sdk/types.js';

/** A notification for every client, e.g. `{ method: 'notifications/tools/list_changed' }`. */
export interface BroadcastNotification {
  /** `notifications/…`; not `notifications/progress` or `notifications/cancelled`, which are about one request. */
  readonly method: string;
  /** What belongs to it. Default: nothing. */
  readonly params?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * The JSON-RPC message of a notification that may be broadcast.
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION`
 */
export function checkBroadcast(notification: BroadcastNotification): JSONRPCNotification {
  const allowed = 'a notification that is not about one request: { method: "notifications/…", params }';
  if (!isRecord(notification)) throw invalidOption('notification', notification, allowed);
  const { method, params } = notification;
  const checked = checkMessage({ jsonrpc: '2.0', method, ...(params !== undefined && { params }) });
  if (checked.ok && isForEverybody(checked.message)) return checked.message;
  throw invalidOption('notification', notification, allowed);
}
