import { isErrorResponse, isNotification, isRecord, isRequest, parseMessage } from '@asyncmcp/core';
import type { InboundEnvelope } from '@asyncmcp/core';

/** What a message on the wire is, in a few words: `tools/call greet #2`, `result #2`. */
export function describeMessage({
  type,
  body,
  sessionId,
}: Pick<InboundEnvelope, 'type' | 'body' | 'sessionId'>): string {
  if (type === 'terminate') return `end of session ${sessionId?.slice(0, 8) ?? '(none)'}`;
  const parsed = parseMessage(body);
  if (!parsed.ok) return 'not a JSON-RPC message';
  const { message } = parsed;
  if (isRequest(message)) return `${message.method}${toolOf(message.params)}${idOf(message.id)}`;
  if (isNotification(message)) return `${message.method}${subjectOf(message.params)}`;
  if (isErrorResponse(message)) return `error ${message.error.code}${idOf(message.id)}`;
  return `result${message.result['isError'] === true ? ' (isError)' : ''}${idOf(message.id)}`;
}

function toolOf(params: unknown): string {
  return isRecord(params) && typeof params['name'] === 'string' ? ` ${params['name']}` : '';
}

/** How far a call is, or which one is cancelled. */
function subjectOf(params: unknown): string {
  if (!isRecord(params)) return '';
  const { progress, total, requestId } = params;
  if (typeof progress === 'number') return ` ${progress}${typeof total === 'number' ? `/${total}` : ''}`;
  return idOf(requestId);
}

/** Of a long one, as `initialize` has on the wire, only the beginning: lines are to fit a terminal. */
function idOf(id: unknown): string {
  if (typeof id !== 'string' && typeof id !== 'number') return '';
  const text = String(id);
  return ` #${text.length > 12 ? `${text.slice(0, 5)}…` : text}`;
}
