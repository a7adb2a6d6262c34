import { randomUUID } from 'node:crypto';
import type { RawMessage } from './fixture.js';

/** The attribute's shape in the APIs of SQS and SNS. */
export interface RawAttribute {
  readonly DataType: 'String';
  readonly StringValue: string;
}

/** Written by hand, not with the codec: what a peer sends need not be what the codec would write. */
export function rawAttributes(message: RawMessage): Record<string, RawAttribute> {
  const { type = 'jsonrpc', messageId, sessionId, clientId, protocolVersion, replyTo, requestId } = message;
  const extension = { ...(messageId !== undefined && { id: messageId }), ...(replyTo !== undefined && { replyTo }) };
  const values = {
    MessageType: type,
    SessionId: sessionId,
    ClientId: clientId,
    ProtocolVersion: protocolVersion,
    // AWS refuses empty values.
    RequestId: requestId === undefined || requestId === '' ? undefined : String(requestId),
    AsyncMcp: Object.keys(extension).length === 0 ? undefined : JSON.stringify({ v: 1, ...extension }),
  };
  const present = Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(present.map(([name, StringValue]) => [name, { DataType: 'String', StringValue }]));
}

/** The group and deduplication ids with which a client would send a message to a FIFO queue or topic; none for others. */
export function rawFifoIds(
  address: string,
  message: RawMessage,
): { MessageGroupId?: string; MessageDeduplicationId?: string } {
  if (!address.endsWith('.fifo')) return {};
  const client = message.sessionId ?? message.clientId ?? 'nobody';
  // What is no request does not wait behind the session's calls.
  const inOrder = message.requestId !== undefined || message.body.includes('notifications/initialized');
  return { MessageGroupId: inOrder ? client : `${client}.control`, MessageDeduplicationId: randomUUID() };
}
