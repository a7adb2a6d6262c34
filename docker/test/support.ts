import { fileURLToPath } from 'node:url';
import { spawnModule } from '@asyncmcp/testkit';

/** The root of the repository, without a slash at the end. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** The built scripts: node runs no TypeScript. */
export const PROVISION = fileURLToPath(new URL('../dist/provision.js', import.meta.url));
export const HEALTH_CHECK = fileURLToPath(new URL('../dist/health-check.js', import.meta.url));

export const TRANSPORTS = ['sqs', 'sns-sqs', 'webhook', 'streamable-webhook'] as const;

/** What a command printed, and its exit code. */
export interface Run {
  readonly code: number | null;
  readonly output: string;
}

export async function run(file: string, args: readonly string[], env: Record<string, string>): Promise<Run> {
  const child = await spawnModule(file, { args, env });
  const { code } = await child.exited;
  return { code, output: child.output };
}
