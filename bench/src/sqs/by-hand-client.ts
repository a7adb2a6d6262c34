/** The client side, by hand, on the AWS SDK. */
import { answerParent } from '../answer-parent.js';
import { makeCalls } from '../make-calls.js';
import { createCountedClient } from './aws-client.js';
import { deleteBatch, deleteOne, fail, receive, sendBatch, sendOne } from './by-hand-calls.js';
import { answeredId, newIdentity, requestMessage } from './by-hand-messages.js';
import type { CallTimes, ClientCommands, Workload } from '../contender.js';
import type { CountedClient } from './aws-client.js';
import type { Style } from './by-hand-calls.js';
import type { Queues } from './queues.js';

export interface ByHandConnect extends Queues {
  readonly style: Style;
}

type Call = (workload: Workload) => Promise<CallTimes>;

const identity = newIdentity();
let client: CountedClient | undefined;
let call: Call = () => Promise.reject(new Error('not connected'));
let nextId = 0;

/** One call at a time: send, then wait for the answer. */
function oneByOne({ sqs }: CountedClient, { requestQueueUrl, responseQueueUrl }: Queues): Call {
  async function once(): Promise<void> {
    const id = nextId++;
    await sendOne(sqs, requestQueueUrl, requestMessage(id, identity, responseQueueUrl));
    for (;;) {
      for (const response of await receive(sqs, responseQueueUrl)) {
        deleteOne(sqs, responseQueueUrl, response);
        if (answeredId(response) === id) return;
      }
    }
  }
  return (workload) => makeCalls(workload, once);
}

/** Many at a time: as many calls as answers came are sent, in one batch. */
function inBatches({ sqs }: CountedClient, { requestQueueUrl, responseQueueUrl }: Queues): Call {
  const sentAt = new Map<number, number>();
  let left = 0;
  let latenciesMs: number[] = [];
  let done = (): void => {};

  function send(upTo: number): void {
    const ids = Array.from({ length: Math.min(upTo, left) }, () => nextId++);
    if (ids.length === 0) return;
    left -= ids.length;
    const startedAt = performance.now();
    for (const id of ids) sentAt.set(id, startedAt);
    const messages = ids.map((id) => requestMessage(id, identity, responseQueueUrl));
    sendBatch(sqs, requestQueueUrl, messages).catch(fail);
  }

  async function takeAnswers(): Promise<never> {
    for (;;) {
      const responses = await receive(sqs, responseQueueUrl);
      if (responses.length === 0) continue;
      for (const response of responses) {
        const id = answeredId(response);
        latenciesMs.push(performance.now() - (sentAt.get(id) ?? Number.NaN));
        sentAt.delete(id);
      }
      send(responses.length);
      deleteBatch(sqs, responseQueueUrl, responses);
      if (left === 0 && sentAt.size === 0) done();
    }
  }

  takeAnswers().catch(fail);
  return async ({ calls, inFlight }) => {
    latenciesMs = [];
    left = calls;
    const startedAt = performance.now();
    await new Promise<void>((resolve) => {
      done = resolve;
      for (let sent = 0; sent < inFlight; sent += 10) send(Math.min(10, inFlight - sent));
    });
    return { elapsedMs: performance.now() - startedAt, latenciesMs };
  };
}

answerParent<ClientCommands<ByHandConnect>>({
  connect({ style, ...queues }) {
    client = createCountedClient(queues.endpoint);
    call = (style === 'single' ? oneByOne : inBatches)(client, queues);
  },
  call: (workload) => call(workload),
  async usage() {
    if (client === undefined) throw new Error('not connected');
    await client.settled();
    return client.usage();
  },
});
