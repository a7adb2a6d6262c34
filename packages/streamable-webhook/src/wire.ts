import { StreamableHeader, encodeHeaders } from '@asyncmcp/webhook/parts';
import type { Envelope } from '@asyncmcp/core';

/** The headers of a webhook: those of the webhook transport, but for the session's, which is called as everywhere in Streamable HTTP. */
export function encodeStreamableHeaders(envelope: Envelope, identified: boolean): Record<string, string> {
  return encodeHeaders(envelope, identified, StreamableHeader.sessionId);
}
