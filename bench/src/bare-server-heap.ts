import { Child } from './child.js';
import type { BareServersCommands } from './bare-servers.js';

export interface SessionCount {
  readonly sessions: number;
  /** Made before anything counts. */
  readonly warmUpSessions: number;
}

/** Bytes that one of the user's MCP servers takes that is connected to nothing. */
export async function bareServerHeap({ sessions, warmUpSessions }: SessionCount): Promise<number> {
  const [heap = Number.NaN] = await bareServerHeaps([sessions], warmUpSessions);
  return heap;
}

/** The same for several numbers of them, ascending. */
export async function bareServerHeaps(counts: readonly number[], warmUp: number): Promise<number[]> {
  const child = new Child<BareServersCommands>(new URL('bare-servers.js', import.meta.url), ['--expose-gc']);
  try {
    await child.ask('add', warmUp);
    const before = await child.ask('heap', undefined);
    const heaps: number[] = [];
    let added = 0;
    for (const count of counts) {
      await child.ask('add', count - warmUp - added);
      added = count - warmUp;
      heaps.push(((await child.ask('heap', undefined)) - before) / added);
    }
    return heaps;
  } finally {
    await child.stop();
  }
}
