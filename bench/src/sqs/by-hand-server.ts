/** The server side, by hand: an echo loop on the AWS SDK. */
import { answerParent } from '../answer-parent.js';
import { createCountedClient } from './aws-client.js';
import { deleteBatch, deleteOne, fail, receive, sendBatch, sendOne } from './by-hand-calls.js';
import { answerTo } from './by-hand-messages.js';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { ServerCommands } from '../contender.js';
import type { CountedClient } from './aws-client.js';
import type { Style } from './by-hand-calls.js';
import type { Queues } from './queues.js';

export interface ByHandStart extends Queues {
  readonly style: Style;
}

let client: CountedClient | undefined;

async function echoOneByOne(sqs: SQSClient, { requestQueueUrl, responseQueueUrl }: Queues): Promise<never> {
  for (;;) {
    for (const request of await receive(sqs, requestQueueUrl)) {
      await sendOne(sqs, responseQueueUrl, answerTo(request));
      deleteOne(sqs, requestQueueUrl, request);
    }
  }
}

async function echoInBatches(sqs: SQSClient, { requestQueueUrl, responseQueueUrl }: Queues): Promise<never> {
  for (;;) {
    const requests = await receive(sqs, requestQueueUrl);
    if (requests.length > 0) {
      sendBatch(sqs, responseQueueUrl, requests.map(answerTo)).then(
        () => deleteBatch(sqs, requestQueueUrl, requests),
        fail,
      );
    }
  }
}

answerParent<ServerCommands<ByHandStart>>({
  start({ style, ...queues }) {
    client = createCountedClient(queues.endpoint);
    const echo = style === 'single' ? echoOneByOne : echoInBatches;
    echo(client.sqs, queues).catch(fail);
  },
  async usage() {
    if (client === undefined) throw new Error('not started');
    await client.settled();
    return client.usage();
  },
});
