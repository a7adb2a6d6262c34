import { SqsServer } from '@asyncmcp/sqs';
import { answerAsServer } from '../aws/answer-as-server.js';
import { createEchoServer } from '../echo-server.js';

answerAsServer(
  ({ sqs }, { requests }) =>
    new SqsServer({ sqs, requestQueueUrl: requests.queueUrl, createServer: () => createEchoServer() }),
);
