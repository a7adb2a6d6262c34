import { usageBetween } from './usage.js';
import type { Child } from './child.js';
import type { ClientCommands, Contender, ServerCommands } from './contender.js';

export interface ProcessPairOptions<Start, Connect> {
  readonly server: Child<ServerCommands<Start>>;
  readonly start: Start;
  readonly client: Child<ClientCommands<Connect>>;
  readonly connect: Connect;
}

/** A contender made of a server process and a client process. */
export async function startProcessPair<Start, Connect>(
  options: ProcessPairOptions<Start, Connect>,
): Promise<Contender> {
  const { server, client } = options;
  await server.ask('start', options.start);
  await client.ask('connect', options.connect);
  const usage = () => Promise.all([client.ask('usage', undefined), server.ask('usage', undefined)]);
  return {
    async run(workload) {
      const [clientBefore, serverBefore] = await usage();
      const times = await client.ask('call', workload);
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
