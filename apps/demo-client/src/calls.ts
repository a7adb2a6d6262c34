import { setTimeout as sleep } from 'node:timers/promises';
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { check, checkEqual } from './checks.js';
import type { RequestOptions } from '@modelcontextprotocol/sdk/shared/protocol.js';
import type { CallToolResult, Tool } from '@modelcontextprotocol/sdk/types.js';
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

/** The demo server's tools, as it must have them. */
export async function listTools({
  client,
  timeoutMs,
  createListener,
}: Pick<StepContext, 'client' | 'timeoutMs' | 'createListener'>): Promise<readonly Tool[]> {
  const { tools } = await client.listTools(undefined, { timeout: timeoutMs });
  const names = tools.map(({ name }) => name).toSorted();
  const expected = ['analyze', 'count_words', 'divide', 'fetch', 'greet', 'introduce', 'server_info', 'wait'];
  checkEqual('the tools', names, createListener === undefined ? expected : [...expected, 'announce'].toSorted());
  return tools;
}

export async function eventually(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let look = 1; !(await condition()); look++) {
    check(`waited for ${what}`, look < LOOKS, `it did not in ${look} looks`);
    await sleep(PAUSE_MS);
  }
}
