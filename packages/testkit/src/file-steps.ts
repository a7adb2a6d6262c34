import { AsyncMcpError } from '@asyncmcp/core';
import type { AsyncMcpErrorCode } from '@asyncmcp/core';

/** What an operation on a file resolves with; undefined when there is no such file. */
export async function unlessMissing<T>(operation: Promise<T>): Promise<T | undefined> {
  return unless('ENOENT', operation);
}

/** The same for one that needs a file not to be there. */
export async function unlessThere<T>(operation: Promise<T>): Promise<T | undefined> {
  return unless('EEXIST', operation);
}

/** @throws AsyncMcpError with this code, for whatever the operation rejects with */
export async function guarded<T>(code: AsyncMcpErrorCode, what: string, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new AsyncMcpError(code, `Could not ${what}: ${reason}`, { cause: error });
  }
}

export function isMissing(error: unknown): boolean {
  return hasCode(error, 'ENOENT');
}

async function unless<T>(code: string, operation: Promise<T>): Promise<T | undefined> {
  try {
    return await operation;
  } catch (error) {
    if (hasCode(error, code)) return undefined;
    throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  // no instanceof: under jest, node's own errors are of another realm
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}
