import { DemoServerProcess } from './demo-server-process.js';
import type { Stage } from './stage.js';

export interface ServerCommand {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs something against a demo server in a process of its own, and stops that, which must end as it should. */
export async function withServer<T>(
  stage: Stage,
  { args, env = {} }: ServerCommand,
  run: (server: DemoServerProcess) => Promise<T>,
): Promise<T> {
  // The page that it is to get is on this machine, which it would refuse.
  const ownArgs = [...args, '--allow-private-fetch=true'];
  // Sessions in files are for servers by hand; there is no flag for none.
  const ownEnv = { ASYNCMCP_SESSIONS: '', ...env };
  const server = await DemoServerProcess.start({ args: ownArgs, env: ownEnv, onLine: stage.onServerLine });
  let ended: string;
  let result: T;
  try {
    result = await run(server);
  } catch (error) {
    if (!stage.signal.aborted) stage.failed(server.output);
    throw error;
  } finally {
    stage.print('');
    // Whoever pressed Ctrl-C does not want to wait until the server has finished its calls.
    ended = await server.stop(stage.signal.aborted ? 500 : undefined);
    stage.fact('server', `stopped: ${ended}`);
  }
  if (ended !== 'exit code 0') throw new Error(`The server did not stop as it should: ${ended}.`);
  return result;
}
