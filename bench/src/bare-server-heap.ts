import { Child } from './child.js';
import type { BareServersCommands } from './bare-servers.js';

export interface SessionCount {
  readonly sessions: number;
  /** Made before anything counts. */
  readonly warmUpSessions: number;
}

/** Bytes that one of the user's MCP servers takes that is connected to nothing. */
export async function bareServerHeap({ sessions, warmUpSessions }: SessionCount): Promise<number> {
  const child = new Child<BareServersCommands>(new URL('bare-servers.js', import.meta.url), ['--expose-gc']);
  try {
    await child.ask('add', warmUpSessions);
    const before = await child.ask('heap', undefined);
    await child.ask('add', sessions - warmUpSessions);
    return ((await child.ask('heap', undefined)) - before) / (sessions - warmUpSessions);
  } finally {
    await child.stop();
  }
}
