import { SqsClientTransport } from '@asyncmcp/sqs';
import { answerAsClient } from '../aws/answer-as-client.js';

answerAsClient(({ sqs }, { clientId, requests, responses }) => {
  const queues = { requestQueueUrl: requests.queueUrl, responseQueueUrl: responses.queueUrl };
  return new SqsClientTransport({ sqs, ...queues, clientId });
});
