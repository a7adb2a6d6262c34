import { setImmediate as turn } from 'node:timers/promises';

/** Bytes of live objects. The process must run with `--expose-gc`. */
export async function liveHeap(): Promise<number> {
  const { gc } = globalThis;
  if (gc === undefined) throw new Error('node must be started with --expose-gc');
  // Finalizers free more, for the next collection.
  for (let collection = 0; collection < 3; collection++) {
    gc();
    await turn();
  }
  return process.memoryUsage().heapUsed;
}
