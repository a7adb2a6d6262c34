import { isAsyncMcpError, isRecord } from '@asyncmcp/core';
import { ErrorCode } from '@modelcontextprotocol/sdk/types.js';
import { inOneLine } from './printable.js';

/** What went wrong, in one line: the code of an AsyncMcpError and its message, never a stack trace. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return inOneLine(String(error));
  const waitedMs = timeoutIn(error);
  if (waitedMs !== undefined) return `no answer within ${waitedMs / 1000} s; does a server run there?`;
  const code = codeOf(error);
  const message = inOneLine(error.message).replace(/^(?:MCP error -?\d+: )+/, '');
  if (message === '') return code === '' ? error.name : code;
  return code === '' || message.includes(code) ? message : `${code}: ${message}`;
}

/** How long the SDK has waited for an answer, if that is what went wrong. */
function timeoutIn(error: Error): number | undefined {
  const data: unknown = 'code' in error && error.code === ErrorCode.RequestTimeout && 'data' in error ? error.data : {};
  return isRecord(data) && typeof data['timeout'] === 'number' ? data['timeout'] : undefined;
}

/** The stable code: the error's own, that a server of this project gives with its errors, or that of JSON-RPC. */
function codeOf(error: Error): string {
  if (isAsyncMcpError(error)) return error.code;
  const data: unknown = 'data' in error ? error.data : undefined;
  const given = isRecord(data) ? data['code'] : undefined;
  if (typeof given === 'string') return inOneLine(given);
  const code: unknown = 'code' in error ? error.code : undefined;
  return typeof code === 'number' ? `error ${code}` : typeof code === 'string' ? code : '';
}
