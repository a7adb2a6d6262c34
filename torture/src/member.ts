/** What a process of a crew has in common with the others: it tells its parent what happens, one JSON object a line. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { addCounts } from './system.js';
import type { AwsFaults } from './systems/aws-faults.js';

const MEMORY_EVERY_MS = 2000;
const FAULTS_EVERY_MS = 100;

/** Written when it returns: what is told and then done is known also of a process that is killed while it does it. */
export function tell(event: string, rest: object = {}): void {
  process.stdout.write(`${JSON.stringify({ event, pid: process.pid, at: Date.now(), ...rest })}\n`);
}

/** Tells the size of the heap again and again; after a collection, so that it is what is kept. */
export function watchHeap(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  setInterval(() => {
    collect();
    tell('memory', { heap: process.memoryUsage().heapUsed });
  }, MEMORY_EVERY_MS).unref();
}

/** Tells which faults the AWS clients of this process have met, whenever there are more. */
export function watchFaults({ sqs, sns }: AwsFaults): void {
  let told = 0;
  setInterval(() => {
    const total = sqs.injected.total + sns.injected.total;
    if (total === told) return;
    told = total;
    tell('faults', { counts: addCounts([sqs.injected.all(), sns.injected.all()]) });
  }, FAULTS_EVERY_MS).unref();
}
