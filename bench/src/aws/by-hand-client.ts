/** The client side, by hand, on the AWS SDK. */
import { randomUUID } from 'node:crypto';
import { answerParent } from '../answer-parent.js';
import { makeCalls } from '../make-calls.js';
import { createCountedClients } from './aws-clients.js';
import { callInBatches } from './by-hand-batches.js';
import { deleteOne, receive, sendOne } from './by-hand-calls.js';
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

/** Many at a time. */
function inBatches(clients: AwsClients, channels: Channels): Call {
  const { clientId, responses } = channels;
  const asker = { sessionId, clientId, replyTo: responses.address };
  return (workload) => callInBatches(clients, channels, workload, () => requestMessage(nextId++, asker));
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
