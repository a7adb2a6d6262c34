/** The client side, by hand, on the AWS SDK. */
import { randomUUID } from 'node:crypto';
import { answerParent } from '../answer-parent.js';
import { makeCalls } from '../make-calls.js';
import { createCountedClients } from './aws-clients.js';
import { deleteBatch, deleteOne, fail, receive, sendBatch, sendOne } from './by-hand-calls.js';
import { answeredId, requestMessage } from './by-hand-messages.js';
import type { CallTimes, ClientCommands, Workload } from '../contender.js';
import type { AwsClients, CountedClients } from './aws-clients.js';
import type { Style } from './by-hand-calls.js';
import type { Channels } from './channels.js';

export interface ByHandConnect extends Channels {
  readonly style: Style;
}

type Call = (workload: Workload) => Promise<CallTimes>;

/** As long as a real one. */
const sessionId = randomUUID();
let counted: CountedClients | undefined;
let call: Call = () => Promise.reject(new Error('not connected'));
let nextId = 0;

/** One call at a time: send, then wait for the answer. */
function oneByOne(clients: AwsClients, { clientId, requests, responses }: Channels): Call {
  const { sqs } = clients;
  const asker = { sessionId, clientId, replyTo: responses.address };
  async function once(): Promise<void> {
    const id = nextId++;
    await sendOne(clients, requests.address, requestMessage(id, asker));
    for (;;) {
      for (const response of await receive(sqs, responses.queueUrl)) {
        deleteOne(sqs, responses.queueUrl, response);
        if (answeredId(response) === id) return;
      }
    }
  }
  return (workload) => makeCalls(workload, once);
}

/** Many at a time: as many calls as answers came are sent, in one batch. */
function inBatches(clients: AwsClients, { clientId, requests, responses }: Channels): Call {
  const { sqs } = clients;
  const asker = { sessionId, clientId, replyTo: responses.address };
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
    const messages = ids.map((id) => requestMessage(id, asker));
    sendBatch(clients, requests.address, messages).catch(fail);
  }

  async function takeAnswers(): Promise<never> {
    for (;;) {
      const received = await receive(sqs, responses.queueUrl);
      if (received.length === 0) continue;
      for (const response of received) {
        const id = answeredId(response);
        latenciesMs.push(performance.now() - (sentAt.get(id) ?? Number.NaN));
        sentAt.delete(id);
      }
      send(received.length);
      deleteBatch(sqs, responses.queueUrl, received);
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
  connect({ style, ...channels }) {
    counted = createCountedClients(channels.endpoint);
    call = (style === 'single' ? oneByOne : inBatches)(counted, channels);
  },
  call: (workload) => call(workload),
  usage() {
    if (counted === undefined) throw new Error('not connected');
    return counted.usage();
  },
});
