import { setTimeout as sleep } from 'node:timers/promises';
import { SQSClient } from '@aws-sdk/client-sqs';
import { cpuMs } from '../usage.js';
import type { Usage } from '../usage.js';

/** The only call that may stay open when there is nothing to do: the long poll. */
const LONG_POLL = 'ReceiveMessage';

/** How long nothing else must be open for the work to count as done, in milliseconds. */
const SETTLED_MS = 50;

/** An AWS client with the SDK's own settings, whose API calls are counted: retries of the SDK, too. */
export interface CountedClient {
  readonly sqs: SQSClient;
  usage(): Usage;
  /** Resolves when no call but long polls is open. */
  settled(): Promise<void>;
}

export function createCountedClient(endpoint: string): CountedClient {
  const sqs = createSqsClient(endpoint);
  const calls: Record<string, number> = {};
  let open = 0;
  let changedAt = performance.now();
  sqs.middlewareStack.add(
    (next, context) => async (args) => {
      const action = String(context['commandName']).replace(/Command$/, '');
      calls[action] = (calls[action] ?? 0) + 1;
      if (action === LONG_POLL) return next(args);
      open += 1;
      try {
        return await next(args);
      } finally {
        open -= 1;
        changedAt = performance.now();
      }
    },
    // Behind the SDK's retries: each try is a call.
    { step: 'finalizeRequest', priority: 'low', name: 'countCalls' },
  );
  return {
    sqs,
    usage: () => ({ api: { ...calls }, cpuMs: cpuMs() }),
    async settled() {
      while (open > 0 || performance.now() - changedAt < SETTLED_MS) await sleep(SETTLED_MS / 2);
    },
  };
}

export function createSqsClient(endpoint: string): SQSClient {
  return new SQSClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'bench', secretAccessKey: 'bench' },
  });
}
