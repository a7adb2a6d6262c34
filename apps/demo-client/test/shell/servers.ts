import { spawnModule, until } from '@asyncmcp/testkit';
import type { ModuleProcess } from '@asyncmcp/testkit';

export interface DemoServer {
  readonly child: ModuleProcess;
  /** Where it takes requests, or from which queue. */
  readonly where: string;
}

/** The demo server, as a process of its own. */
export async function startServer(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<DemoServer> {
  const child = await spawnModule(import.meta.resolve('@asyncmcp/demo-server/main'), { args, env });
  const ready = (): string | undefined =>
    / ready: process \d+ takes requests (?:at|from) (\S+)/.exec(child.output)?.[1];
  const where = await until(ready, { timeoutMs: 30_000, message: () => `the demo server; it said ${child.output}` });
  return { child, where };
}

/** The same over HTTP, on a port that is free. */
export function startHttpServer(transport: 'webhook' | 'streamable-webhook', port = '0'): Promise<DemoServer> {
  return startServer(['--transport', transport, '--host', '127.0.0.1', '--port', port, '--allow-private-fetch=true']);
}
