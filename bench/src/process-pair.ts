import { usageBetween } from './usage.js';
import type { Child } from './child.js';
import type { ClientCommands, Contender, ServerCommands, Workload } from './contender.js';

export interface ProcessPairOptions<Start, Started, Connect> {
  readonly server: Child<ServerCommands<Start, Started>>;
  readonly start: Start;
  readonly client: Child<ClientCommands<Connect>>;
  readonly connect: (started: Started) => Connect;
}

/** A contender made of a server process and a client process. */
export async function startProcessPair<Start, Started, Connect>(
  options: ProcessPairOptions<Start, Started, Connect>,
): Promise<Contender> {
  const { server, client } = options;
  await client.ask('connect', options.connect(await server.ask('start', options.start)));
  return contenderOf(server, client, (workload) => workload);
}

/**
 * A contender made of two processes that are started and connected; others may be made of the same two, and run by turns.
 *
 * @param toLoad - what the client is asked for
 */
export function contenderOf<Start, Started, Connect, Load extends Workload>(
  server: Child<ServerCommands<Start, Started>>,
  client: Child<ClientCommands<Connect, Load>>,
  toLoad: (workload: Workload) => Load,
): Contender {
  const usage = () => Promise.all([client.ask('usage', undefined), server.ask('usage', undefined)]);
  return {
    async run(workload) {
      const [clientBefore, serverBefore] = await usage();
      const times = await client.ask('call', toLoad(workload));
      const [clientAfter, serverAfter] = await usage();
      return {
        ...times,
        calls: workload.calls,
        client: usageBetween(clientBefore, clientAfter),
        server: usageBetween(serverBefore, serverAfter),
      };
    },
    async stop() {
      await client.stop();
      await server.stop();
    },
  };
}
