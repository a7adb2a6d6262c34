import { LATEST_PROTOCOL_VERSION } from '@modelcontextprotocol/sdk/types.js';
import type { JSONRPCNotification, JSONRPCRequest } from '@modelcontextprotocol/sdk/types.js';

/** What a client says to open a session, before a reply address is put in. */
export function initializeRequest(id: number): JSONRPCRequest {
  return {
    jsonrpc: '2.0',
    id,
    method: 'initialize',
    params: {
      protocolVersion: LATEST_PROTOCOL_VERSION,
      capabilities: {},
      clientInfo: { name: 'bench', version: '1.0.0' },
    },
  };
}

export const INITIALIZED: JSONRPCNotification = { jsonrpc: '2.0', method: 'notifications/initialized' };
