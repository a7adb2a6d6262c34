/** The same bodies and attributes as this project's, made by hand. */
import { randomUUID } from 'node:crypto';
import { TEXT } from '../echo-server.js';
import type { Message, MessageAttributeValue } from '@aws-sdk/client-sqs';

export interface OutgoingMessage {
  readonly body: string;
  readonly attributes: Record<string, MessageAttributeValue>;
}

/** A request and the id that its answer will have. */
export interface OutgoingRequest extends OutgoingMessage {
  readonly id: number;
}

/** Who asks. */
export interface Asker {
  readonly sessionId: string;
  readonly clientId: string;
  /** Where the answers are sent. */
  readonly replyTo: string;
}

export function requestMessage(id: number, { sessionId, clientId, replyTo }: Asker): OutgoingRequest {
  const params = { name: 'echo', arguments: { text: TEXT } };
  return {
    id,
    body: JSON.stringify({ method: 'tools/call', params, jsonrpc: '2.0', id }),
    attributes: {
      MessageType: string('jsonrpc'),
      Timestamp: now(),
      SessionId: string(sessionId),
      ClientId: string(clientId),
      ProtocolVersion: string('2025-11-25'),
      AsyncMcp: string(JSON.stringify({ v: 1, id: randomUUID(), replyTo })),
      RequestId: string(String(id)),
      Method: string('tools/call'),
    },
  };
}

/** The echo's answer to a received request. */
export function answerTo(request: Message): OutgoingMessage {
  const { id, params } = JSON.parse(request.Body ?? '') as { id: number; params: { arguments: { text: string } } };
  const result = { content: [{ type: 'text', text: params.arguments.text }] };
  const { SessionId = string(''), ClientId = string('') } = request.MessageAttributes ?? {};
  return {
    body: JSON.stringify({ result, jsonrpc: '2.0', id }),
    attributes: {
      MessageType: string('jsonrpc'),
      Timestamp: now(),
      SessionId,
      ClientId,
      AsyncMcp: string(JSON.stringify({ v: 1, id: randomUUID() })),
    },
  };
}

/** The id of the request that a received message answers. */
export function answeredId(response: Message): number {
  const { id, result } = JSON.parse(response.Body ?? '') as { id: number; result: { content: unknown[] } };
  if (result.content.length !== 1) throw new Error('not the echo');
  return id;
}

function string(value: string): MessageAttributeValue {
  return { DataType: 'String', StringValue: value };
}

function now(): MessageAttributeValue {
  return { DataType: 'Number', StringValue: String(Math.floor(Date.now() / 1000)) };
}
