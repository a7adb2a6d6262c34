import { ReceiptHandleIsInvalid } from '@aws-sdk/client-sqs';
import { FaultBudgets } from './fault-budgets.js';
import { Pauses } from './pauses.js';
import { seededRandom, shuffled } from './seeded-random.js';
import { entryCount, failedEntry, isBatch, mergeResult, splitBatch } from './sqs-batch.js';
import { abortError, networkError, timeoutError } from './sqs-errors.js';
import type { ReceiveMessageResult, SQSClient, ServiceInputTypes, ServiceOutputTypes } from '@aws-sdk/client-sqs';
import type { Counts } from './counts.js';
import type { BatchInput, BatchResult } from './sqs-batch.js';

const MIDDLEWARE = 'asyncmcpSqsFaults';

export type SqsFault =
  | 'failSends'
  | 'failEntries'
  | 'loseSendResponses'
  | 'duplicateSends'
  | 'failReceives'
  | 'delayReceives'
  | 'reorderReceives'
  | 'dropDeletes'
  | 'expireLeases';

export interface FailEntriesOptions {
  /** Default `InternalError`. */
  code?: string;
  /** Whether sending it again cannot help. Default false. */
  senderFault?: boolean;
}

/**
 * Faults of one client, between the code that uses it and the SDK's own retries: what fails here has failed for good as
 * far as the caller can tell. A count is a budget, spent by the next calls of that kind and set anew by the next call of
 * the method; `Infinity` is allowed.
 */
export interface SqsFaults {
  /** The next sends, alone or in batches, fail before they reach the broker; with ECONNRESET unless an error is given. */
  failSends(calls: number, error?: Error): void;
  /** The broker refuses the next entries of SendMessageBatch, and takes the others. */
  failEntries(entries: number, options?: FailEntriesOptions): void;
  /** The next sends reach the broker, and the caller is told they timed out. */
  loseSendResponses(calls: number): void;
  /** The broker gets the next sends twice. */
  duplicateSends(calls: number): void;
  /** The next receives fail before they reach the broker. */
  failReceives(calls: number, error?: Error): void;
  /** From now on the answers to receives take so much longer, while the leases of their messages run. 0 ends it. */
  delayReceives(ms: number): void;
  /** From now on the messages of each receive are in another order than the broker's, the same for the same seed. */
  reorderReceives(seed?: number): void;
  /** The next deletes, or entries of DeleteMessageBatch, are reported as done and never happen. */
  dropDeletes(messages: number): void;
  /** The next changes of a visibility, or entries of the batch, are refused: the receipt handle is no longer valid. */
  expireLeases(messages?: number): void;
  /** From now on nothing is injected. What is being delayed goes on at once. */
  clear(): void;
  /** `clear()`, and leaves the client as it was. */
  remove(): void;
  /** How often each fault was injected: calls, or entries where those are what is counted. */
  readonly injected: Counts<SqsFault>;
}

/** Once per client. Not for a client with `cacheMiddleware`. */
export function injectSqsFaults(client: SQSClient): SqsFaults {
  return new InjectedFaults(client);
}

interface Answer {
  response: unknown;
  output: ServiceOutputTypes;
}

interface Call {
  readonly name: string;
  readonly input: ServiceInputTypes;
  readonly signal: AbortSignal | undefined;
  readonly transmit: (input: ServiceInputTypes) => Promise<Answer>;
}

class InjectedFaults implements SqsFaults {
  readonly #client: SQSClient;
  readonly #budgets = new FaultBudgets<SqsFault>();
  readonly #pauses = new Pauses();
  #sendError: Error | undefined;
  #receiveError: Error | undefined;
  #entryError: Required<FailEntriesOptions> = { code: 'InternalError', senderFault: false };
  #receiveDelayMs = 0;
  #random: (() => number) | undefined;

  constructor(client: SQSClient) {
    this.#client = client;
    client.middlewareStack.add(
      (next, context) => (args) =>
        this.#handle({
          name: String(context.commandName),
          input: args.input,
          signal: abortSignalOf(context),
          transmit: (input) => next({ ...args, input }),
        }),
      { step: 'initialize', priority: 'high', name: MIDDLEWARE },
    );
  }

  get injected(): Counts<SqsFault> {
    return this.#budgets.injected;
  }

  failSends(calls: number, error?: Error): void {
    this.#sendError = error;
    this.#budgets.set('failSends', calls);
  }

  failEntries(entries: number, { code = 'InternalError', senderFault = false }: FailEntriesOptions = {}): void {
    this.#entryError = { code, senderFault };
    this.#budgets.set('failEntries', entries);
  }

  loseSendResponses(calls: number): void {
    this.#budgets.set('loseSendResponses', calls);
  }

  duplicateSends(calls: number): void {
    this.#budgets.set('duplicateSends', calls);
  }

  failReceives(calls: number, error?: Error): void {
    this.#receiveError = error;
    this.#budgets.set('failReceives', calls);
  }

  delayReceives(ms: number): void {
    this.#receiveDelayMs = ms;
  }

  reorderReceives(seed = 1): void {
    this.#random = seededRandom(seed);
  }

  dropDeletes(messages: number): void {
    this.#budgets.set('dropDeletes', messages);
  }

  expireLeases(messages = Infinity): void {
    this.#budgets.set('expireLeases', messages);
  }

  clear(): void {
    this.#budgets.clear();
    this.#receiveDelayMs = 0;
    this.#random = undefined;
    this.#pauses.endAll();
  }

  remove(): void {
    this.clear();
    this.#client.middlewareStack.remove(MIDDLEWARE);
  }

  #handle(call: Call): Promise<Answer> {
    switch (call.name) {
      case 'SendMessageCommand':
      case 'SendMessageBatchCommand':
        return this.#send(call);
      case 'ReceiveMessageCommand':
        return this.#receive(call);
      case 'DeleteMessageCommand':
      case 'DeleteMessageBatchCommand':
        return this.#withhold('dropDeletes', call, (ids) => ({ Successful: ids.map((Id) => ({ Id })) }));
      case 'ChangeMessageVisibilityCommand':
      case 'ChangeMessageVisibilityBatchCommand':
        return this.#changeVisibility(call);
      default:
        return call.transmit(call.input);
    }
  }

  async #send(call: Call): Promise<Answer> {
    if (this.#budgets.spend('failSends', 1) > 0) throw this.#sendError ?? networkError();
    const transmit = (input: ServiceInputTypes) => this.#transmitSend(call, input);
    if (!isBatch(call.name)) return transmit(call.input);
    const { code, senderFault } = this.#entryError;
    const refuse = (ids: string[]) => ({ Failed: ids.map((Id) => failedEntry(Id, code, senderFault)) });
    return this.#withhold('failEntries', { ...call, transmit }, refuse);
  }

  async #transmitSend(call: Call, input: ServiceInputTypes): Promise<Answer> {
    const twice = this.#budgets.spend('duplicateSends', 1) > 0;
    const lost = this.#budgets.spend('loseSendResponses', 1) > 0;
    const answer = await call.transmit(input);
    if (twice) await call.transmit(input);
    if (lost) throw timeoutError();
    return answer;
  }

  async #receive(call: Call): Promise<Answer> {
    if (this.#budgets.spend('failReceives', 1) > 0) throw this.#receiveError ?? networkError();
    const answer = await call.transmit(call.input);
    if (this.#receiveDelayMs > 0) {
      this.#budgets.injected.add('delayReceives');
      await this.#pauses.pause(this.#receiveDelayMs, call.signal);
      if (call.signal?.aborted === true) throw abortError();
    }
    const { Messages = [] } = answer.output as ReceiveMessageResult;
    if (this.#random === undefined || Messages.length < 2) return answer;
    this.#budgets.injected.add('reorderReceives');
    return { ...answer, output: { ...answer.output, Messages: shuffled(Messages, this.#random) } };
  }

  #changeVisibility(call: Call): Promise<Answer> {
    const code = 'ReceiptHandleIsInvalid';
    return this.#withhold('expireLeases', call, (ids) => {
      if (isBatch(call.name)) return { Failed: ids.map((Id) => failedEntry(Id, code, true)) };
      throw new ReceiptHandleIsInvalid({ message: `${code}, injected by a test`, $metadata: { httpStatusCode: 400 } });
    });
  }

  /** Sends a call without those of its entries that the fault takes (not at all, if it is no batch); reports on these. */
  async #withhold(fault: SqsFault, call: Call, report: (ids: string[]) => BatchResult): Promise<Answer> {
    const input: ServiceInputTypes & BatchInput = call.input;
    const count = this.#budgets.spend(fault, entryCount(input));
    if (count === 0) return call.transmit(input);
    const { taken, rest } = splitBatch(input, count);
    const reported = report(taken);
    if (!isBatch(call.name)) return emptyAnswer();
    const answer = entryCount(rest) === 0 ? emptyAnswer() : await call.transmit(rest);
    return { ...answer, output: mergeResult(answer.output, reported) };
  }
}

function emptyAnswer(): Answer {
  return { response: undefined, output: { $metadata: { httpStatusCode: 200 } } };
}

/** The SDK hides the caller's signal in the context it gives to middleware. */
function abortSignalOf(context: { __smithy_context?: Record<string, unknown> }): AbortSignal | undefined {
  return context.__smithy_context?.['abortSignal'] as AbortSignal | undefined;
}
