import { inspect, isDeepStrictEqual } from 'node:util';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';

/** A step's result is not what it must be. */
export class CheckError extends Error {
  override readonly name = 'CheckError';
}

export function check(what: string, holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new CheckError(`${what}: ${otherwise}`);
}

export function checkEqual(what: string, actual: unknown, expected: unknown): void {
  check(what, isDeepStrictEqual(actual, expected), `expected ${brief(expected)}, got ${brief(actual)}`);
}

/** The text of a tool's result, which must be an ordinary one or, if `isError`, a failure. */
export function textOf(tool: string, { content, isError = false }: CallToolResult, failed = false): string {
  const texts = content.map((part) => (part.type === 'text' ? part.text : `(${part.type})`)).join('');
  check(`the result of ${tool}`, isError === failed, `isError is ${isError}, its text ${brief(texts)}`);
  return texts;
}

/** What a promise rejects with. */
export async function rejectionOf(what: string, promise: Promise<unknown>): Promise<unknown> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ('error' in outcome) return outcome.error;
  throw new CheckError(`${what}: expected an error, got ${brief(outcome.value)}`);
}

function brief(value: unknown): string {
  return inspect(value, { depth: 3, breakLength: Infinity, maxStringLength: 200 });
}
