import { usageBetween } from '../usage.js';
import type { Child } from '../child.js';
import type { CallTimes, CrowdClientCommands, CrowdServerCommands, Round, Workload } from '../contender.js';
import type { Usage } from '../usage.js';

/** One server of this project and many sessions on it: two processes. */
export interface Crowd {
  /** Opens so many sessions more, over the wire; resolves when they are live. */
  open(count: number): Promise<Opening>;
  /** Makes calls, of all sessions by turns. */
  run(workload: Workload): Promise<Round>;
  /** Bytes of live objects of the server. */
  heap(): Promise<number>;
  /** Of the server, since it began. */
  usage(): Promise<Usage>;
  stop(): Promise<void>;
}

export interface Opening {
  readonly sessions: number;
  /** In milliseconds. */
  readonly elapsedMs: number;
  readonly client: Usage;
  readonly server: Usage;
}

export interface CrowdOptions<Start, Started, Connect> {
  readonly server: Child<CrowdServerCommands<Start, Started>>;
  readonly start: Start;
  readonly client: Child<CrowdClientCommands<Connect>>;
  readonly connect: (started: Started) => Connect;
}

interface Timed<T> {
  readonly value: T;
  readonly client: Usage;
  readonly server: Usage;
}

export async function startCrowd<Start, Started, Connect>(
  options: CrowdOptions<Start, Started, Connect>,
): Promise<Crowd> {
  const { server, client } = options;
  await client.ask('connect', options.connect(await server.ask('start', options.start)));
  let live = 0;

  async function withUsage<T>(run: () => Promise<T>): Promise<Timed<T>> {
    const usage = () => Promise.all([client.ask('usage', undefined), server.ask('usage', undefined)]);
    const [clientBefore, serverBefore] = await usage();
    const value = await run();
    const [clientAfter, serverAfter] = await usage();
    return {
      value,
      client: usageBetween(clientBefore, clientAfter),
      server: usageBetween(serverBefore, serverAfter),
    };
  }

  return {
    async open(count) {
      live += count;
      const { value, ...usage } = await withUsage(async () => {
        const startedAt = performance.now();
        await client.ask('open', count);
        return performance.now() - startedAt;
      });
      const found = await server.ask('sessions', undefined);
      if (found !== live) throw new Error(`${found} sessions are live instead of ${live}`);
      return { sessions: count, elapsedMs: value, ...usage };
    },
    async run(workload) {
      const { value, ...usage } = await withUsage<CallTimes>(() => client.ask('call', workload));
      return { ...value, calls: workload.calls, ...usage };
    },
    heap: () => server.ask('heap', undefined),
    usage: () => server.ask('usage', undefined),
    async stop() {
      await client.stop();
      await server.stop();
    },
  };
}
