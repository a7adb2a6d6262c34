import { FaultBudgets } from './fault-budgets.js';
import { failedEntry, mergeResult, splitBatch } from './sqs-batch.js';
import { networkError, timeoutError } from './sqs-errors.js';
import type { PublishBatchInput, SNSClient, ServiceInputTypes, ServiceOutputTypes } from '@aws-sdk/client-sns';
import type { Counts } from './counts.js';

export type SnsFault = 'failPublishes' | 'failPublishEntries' | 'losePublishResponses' | 'duplicatePublishes';

/** Faults of one SNS client, where `SqsFaults` are those of an SQS client, and with budgets like theirs. */
export interface SnsFaults {
  /** The next publishes, alone or in batches, fail before they reach the topic; with ECONNRESET. */
  failPublishes(calls: number): void;
  /** The topic refuses the next entries of PublishBatch for the moment, and takes the others. */
  failPublishEntries(entries: number): void;
  /** The next publishes reach the topic, and the caller is told they timed out. */
  losePublishResponses(calls: number): void;
  /** The topic gets the next publishes twice. */
  duplicatePublishes(calls: number): void;
  /** From now on nothing is injected. */
  clear(): void;
  /** How often each fault was injected: calls, or entries where those are what is counted. */
  readonly injected: Counts<SnsFault>;
}

interface Answer {
  response: unknown;
  output: ServiceOutputTypes;
}

type Transmit = (input: ServiceInputTypes) => Promise<Answer>;

/** Once per client. Not for a client with `cacheMiddleware`. */
export function injectSnsFaults(client: SNSClient): SnsFaults {
  const budgets = new FaultBudgets<SnsFault>();

  async function publish(input: ServiceInputTypes, isBatch: boolean, transmit: Transmit): Promise<Answer> {
    if (budgets.spend('failPublishes', 1) > 0) throw networkError();
    const send: Transmit = (given) => transmitOnceOrTwice(given, transmit);
    return isBatch ? publishBatch(input, send) : send(input);
  }

  async function transmitOnceOrTwice(input: ServiceInputTypes, transmit: Transmit): Promise<Answer> {
    const twice = budgets.spend('duplicatePublishes', 1) > 0;
    const lost = budgets.spend('losePublishResponses', 1) > 0;
    const answer = await transmit(input);
    if (twice) await transmit(input);
    if (lost) throw timeoutError();
    return answer;
  }

  async function publishBatch(input: ServiceInputTypes, transmit: Transmit): Promise<Answer> {
    const { PublishBatchRequestEntries: Entries = [] } = input as PublishBatchInput;
    const count = budgets.spend('failPublishEntries', Entries.length);
    if (count === 0) return transmit(input);
    const { taken, rest } = splitBatch({ Entries }, count);
    const nothing: Answer = { response: undefined, output: { $metadata: { httpStatusCode: 200 } } };
    const answer =
      rest.Entries.length === 0 ? nothing : await transmit({ ...input, PublishBatchRequestEntries: rest.Entries });
    const Failed = taken.map((Id) => failedEntry(Id, 'InternalError', false));
    return { ...answer, output: mergeResult(answer.output, { Failed }) };
  }

  client.middlewareStack.add(
    (next, context: { commandName?: string }) => (args) => {
      const { commandName = '' } = context;
      if (!commandName.startsWith('Publish')) return next(args);
      return publish(args.input, commandName === 'PublishBatchCommand', (input) => next({ ...args, input }));
    },
    { step: 'initialize', priority: 'high', name: 'asyncmcpSnsFaults' },
  );
  return {
    failPublishes: (calls) => budgets.set('failPublishes', calls),
    failPublishEntries: (entries) => budgets.set('failPublishEntries', entries),
    losePublishResponses: (calls) => budgets.set('losePublishResponses', calls),
    duplicatePublishes: (calls) => budgets.set('duplicatePublishes', calls),
    clear: () => budgets.clear(),
    injected: budgets.injected,
  };
}
