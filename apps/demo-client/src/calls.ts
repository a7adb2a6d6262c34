import { setTimeout as sleep } from 'node:timers/promises';
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { check } from './checks.js';
import type { RequestOptions } from '@modelcontextprotocol/sdk/shared/protocol.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import type { StepContext } from './steps.js';

/** How often, and with which pause in milliseconds, something is looked at that takes its time to come true. */
const LOOKS = 50;
const PAUSE_MS = 100;

export async function callTool(
  { client, timeoutMs }: Pick<StepContext, 'client' | 'timeoutMs'>,
  name: string,
  args: Record<string, unknown>,
  options: RequestOptions = {},
): Promise<CallToolResult> {
  const result = await client.callTool({ name, arguments: args }, undefined, { timeout: timeoutMs, ...options });
  return CallToolResultSchema.parse(result);
}

export async function eventually(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let look = 1; !(await condition()); look++) {
    check(`waited for ${what}`, look < LOOKS, `it did not in ${look} looks`);
    await sleep(PAUSE_MS);
  }
}
