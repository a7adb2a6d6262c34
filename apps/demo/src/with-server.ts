import { DemoServerProcess } from './demo-server-process.js';
import type { Stage } from './stage.js';

export interface ServerCommand {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs something against a demo server in a process of its own, and stops that, which must end as it should. */
export async function withServer(
  stage: Stage,
  { args, env = {} }: ServerCommand,
  run: (server: DemoServerProcess) => Promise<void>,
): Promise<void> {
  const server = await DemoServerProcess.start({ args, env, onLine: stage.onServerLine });
  let ended: string;
  try {
    await run(server);
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
}
