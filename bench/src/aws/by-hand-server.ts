/** The server side, by hand: an echo loop on the AWS SDK. */
import { answerParent } from '../answer-parent.js';
import { createCountedClients } from './aws-clients.js';
import { deleteBatch, deleteOne, fail, receive, sendBatch, sendOne } from './by-hand-calls.js';
import { answerTo } from './by-hand-messages.js';
import type { ServerCommands } from '../contender.js';
import type { AwsClients, CountedClients } from './aws-clients.js';
import type { Style } from './by-hand-calls.js';
import type { Channels } from './channels.js';

export interface ByHandStart extends Channels {
  readonly style: Style;
}

let counted: CountedClients | undefined;

async function echoOneByOne(clients: AwsClients, { requests, responses }: Channels): Promise<never> {
  for (;;) {
    for (const request of await receive(clients.sqs, requests.queueUrl)) {
      await sendOne(clients, responses.address, answerTo(request));
      deleteOne(clients.sqs, requests.queueUrl, request);
    }
  }
}

async function echoInBatches(clients: AwsClients, { requests, responses }: Channels): Promise<never> {
  for (;;) {
    const received = await receive(clients.sqs, requests.queueUrl);
    if (received.length > 0) {
      sendBatch(clients, responses.address, received.map(answerTo)).then(
        () => deleteBatch(clients.sqs, requests.queueUrl, received),
        fail,
      );
    }
  }
}

answerParent<ServerCommands<ByHandStart>>({
  start({ style, ...channels }) {
    counted = createCountedClients(channels.endpoint);
    const echo = style === 'single' ? echoOneByOne : echoInBatches;
    echo(counted, channels).catch(fail);
  },
  usage() {
    if (counted === undefined) throw new Error('not started');
    return counted.usage();
  },
});
