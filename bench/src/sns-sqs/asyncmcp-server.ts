import { SnsSqsServer } from '@asyncmcp/sns-sqs';
import { answerAsServer } from '../aws/answer-as-server.js';
import { createEchoServer } from '../echo-server.js';

answerAsServer(
  ({ sns, sqs }, { requests }) =>
    new SnsSqsServer({ sns, sqs, requestQueueUrl: requests.queueUrl, createServer: () => createEchoServer() }),
);
