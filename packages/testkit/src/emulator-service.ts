import { EmulatorArrivals } from './emulator-arrivals.js';
import { jsonOf } from './emulator-backend.js';
import { toBackendUrl, withCallerUrls } from './emulator-queue-urls.js';
import type { AwsRequest, AwsResponse, EmulatorBackend, SqsInput } from './emulator-backend.js';

/**
 * How often a long poll looks again without being told to. Only what ripens by itself waits for it: a visibility
 * timeout or a delay that runs out, a message moved to a dead-letter queue.
 */
const TICK_MS = 25;

const SQS_TARGET = 'AmazonSQS.';

/** Where a request came from. */
export interface Caller {
  /** The address the caller uses, and which its queue URLs start with. */
  readonly origin: string;
  /** Whether the caller's connection is closed. */
  gone(): boolean;
}

export interface Answer {
  readonly response: AwsResponse;
  /** To be called when the caller did not get the response. */
  readonly undelivered?: () => Promise<void>;
}

/**
 * What fauxqs lacks, in front of it: queue URLs under the address of the emulator, a count of the calls, and long polls
 * that end with their caller. (fauxqs lets them wait on; such a zombie then takes a message for a whole visibility
 * timeout, which AWS does not do.)
 */
export class EmulatorService {
  readonly #backend: EmulatorBackend;
  readonly #count: (action: string) => void;
  readonly #arrivals = new EmulatorArrivals();

  constructor(backend: EmulatorBackend, count: (action: string) => void) {
    this.#backend = backend;
    this.#count = count;
  }

  /** Undefined when there is nobody left to answer. */
  async answer(request: AwsRequest, caller: Caller): Promise<Answer | undefined> {
    const target = request.headers['x-amz-target'];
    const input = parseInput(request);
    if (typeof target === 'string' && target.startsWith(SQS_TARGET) && input !== undefined) {
      return this.#sqs(target.slice(SQS_TARGET.length), withBackendUrl(input, caller.origin), caller);
    }
    this.#count(queryAction(request) ?? 'unknown');
    const response = await this.#backend.handle(request);
    this.#arrivals.notify();
    return { response };
  }

  async #sqs(action: string, input: SqsInput, caller: Caller): Promise<Answer | undefined> {
    this.#count(action);
    if (action === 'ReceiveMessage') return this.#receive(input, caller);
    const response = await this.#backend.sqs(action, input);
    if (!/^(Get|List)/.test(action)) this.#arrivals.notify(queueUrlOf(input));
    return { response: withCallerUrls(action, response, caller.origin) };
  }

  async #receive(input: SqsInput, caller: Caller): Promise<Answer | undefined> {
    const response = await this.#poll(input, caller);
    if (response === undefined) return undefined;
    const handles = receiptHandles(response);
    if (handles.length === 0) return { response };
    return { response, undelivered: () => this.#giveBack(input, handles) };
  }

  /** Looks, and looks again, instead of having fauxqs wait: so nothing is ever taken for a caller known to be gone. */
  async #poll(input: SqsInput, caller: Caller): Promise<AwsResponse | undefined> {
    const waitMs = await this.#waitMs(input);
    if (waitMs === undefined) return this.#backend.sqs('ReceiveMessage', input);
    const deadline = performance.now() + waitMs;
    while (!caller.gone()) {
      const left = Math.max(deadline - performance.now(), 0);
      const wake = this.#arrivals.next(queueUrlOf(input) ?? '', Math.min(TICK_MS, left));
      const response = await this.#backend.sqs('ReceiveMessage', { ...input, WaitTimeSeconds: 0 });
      if (left === 0 || response.status !== 200 || receiptHandles(response).length > 0) {
        wake.cancel();
        return response;
      }
      await wake.promise;
    }
    return undefined;
  }

  /** How long to wait for a message; undefined for what is out of range, which fauxqs refuses. */
  async #waitMs(input: SqsInput): Promise<number | undefined> {
    const seconds = Number(input['WaitTimeSeconds'] ?? (await this.#defaultWaitSeconds(input)));
    return seconds >= 0 && seconds <= 20 ? seconds * 1000 : undefined;
  }

  async #defaultWaitSeconds(input: SqsInput): Promise<string> {
    const AttributeNames = ['ReceiveMessageWaitTimeSeconds'];
    const response = await this.#backend.sqs('GetQueueAttributes', { QueueUrl: input['QueueUrl'], AttributeNames });
    if (response.status !== 200) return '0';
    const { Attributes } = jsonOf<{ Attributes?: Record<string, string> }>(response);
    return Attributes?.['ReceiveMessageWaitTimeSeconds'] ?? '0';
  }

  async #giveBack(input: SqsInput, handles: string[]): Promise<void> {
    await this.#backend.sqs('ChangeMessageVisibilityBatch', {
      QueueUrl: input['QueueUrl'],
      Entries: handles.map((ReceiptHandle, index) => ({ Id: String(index), ReceiptHandle, VisibilityTimeout: 0 })),
    });
    this.#arrivals.notify(queueUrlOf(input));
  }
}

/** The input of an action in the JSON protocol, which SQS speaks; undefined for anything else. */
function parseInput({ headers, body }: AwsRequest): SqsInput | undefined {
  if (headers['content-type']?.includes('x-amz-json') !== true) return undefined;
  try {
    const input: unknown = JSON.parse(body.toString('utf8'));
    return typeof input === 'object' && input !== null ? { ...input } : undefined;
  } catch {
    return undefined;
  }
}

/** The action in the query protocol, which SNS speaks. */
function queryAction({ headers, body }: AwsRequest): string | undefined {
  if (headers['content-type']?.includes('x-www-form-urlencoded') !== true) return undefined;
  return new URLSearchParams(body.toString('utf8')).get('Action') ?? undefined;
}

function queueUrlOf(input: SqsInput): string | undefined {
  const url = input['QueueUrl'];
  return typeof url === 'string' ? url : undefined;
}

function withBackendUrl(input: SqsInput, origin: string): SqsInput {
  const url = queueUrlOf(input);
  return url === undefined ? input : { ...input, QueueUrl: toBackendUrl(url, origin) };
}

function receiptHandles(response: AwsResponse): string[] {
  if (response.status !== 200) return [];
  const { Messages = [] } = jsonOf<{ Messages?: { ReceiptHandle: string }[] }>(response);
  return Messages.map((message) => message.ReceiptHandle);
}
