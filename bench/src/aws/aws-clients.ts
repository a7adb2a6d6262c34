import { setTimeout as sleep } from 'node:timers/promises';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { cpuMs } from '../usage.js';
import type { Usage } from '../usage.js';

/** AWS clients with the SDK's own settings. */
export interface AwsClients {
  readonly sns: SNSClient;
  readonly sqs: SQSClient;
}

/** Clients whose API calls are counted: retries of the SDK, too. */
export interface CountedClients extends AwsClients {
  /** Resolves when no call but long polls is open. */
  usage(): Promise<Usage>;
}

/** The only call that may stay open when there is nothing to do: the long poll. */
const LONG_POLL = 'ReceiveMessage';

/** How long nothing else must be open for the work to count as done, in milliseconds. */
const SETTLED_MS = 50;

/** Behind the SDK's retries: each try is a call. */
const PLACE = { step: 'finalizeRequest', priority: 'low', name: 'countCalls' } as const;

export function createAwsClients(endpoint: string): AwsClients {
  const config = {
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'bench', secretAccessKey: 'bench' },
  };
  return { sns: new SNSClient(config), sqs: new SQSClient(config) };
}

export function createCountedClients(endpoint: string): CountedClients {
  const { sns, sqs } = createAwsClients(endpoint);
  const calls: Record<string, number> = {};
  let open = 0;
  let changedAt = performance.now();

  function count<Args, Result>(next: (args: Args) => Promise<Result>, context: { readonly commandName?: unknown }) {
    return async (args: Args): Promise<Result> => {
      const action = String(context.commandName).replace(/Command$/, '');
      calls[action] = (calls[action] ?? 0) + 1;
      if (action === LONG_POLL) return next(args);
      open += 1;
      try {
        return await next(args);
      } finally {
        open -= 1;
        changedAt = performance.now();
      }
    };
  }

  sns.middlewareStack.add(count, PLACE);
  sqs.middlewareStack.add(count, PLACE);
  return {
    sns,
    sqs,
    async usage() {
      while (open > 0 || performance.now() - changedAt < SETTLED_MS) await sleep(SETTLED_MS / 2);
      return { requests: { ...calls }, cpuMs: cpuMs() };
    },
  };
}
