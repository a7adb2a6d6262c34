import { SnsSqsServer } from '@asyncmcp/sns-sqs';
import { answerAsServer } from '../aws/answer-as-server.js';
import { createEchoServer } from '../echo-server.js';

answerAsServer(({ sns, sqs }, { requests, maxSessions }) => {
  const createServer = () => createEchoServer();
  return new SnsSqsServer({ sns, sqs, requestQueueUrl: requests.queueUrl, maxSessions, createServer });
});
