import { SqsServer } from '@asyncmcp/sqs';
import { answerAsServer } from '../aws/answer-as-server.js';
import { createEchoServer } from '../echo-server.js';

answerAsServer(({ sqs }, { requests, maxSessions }) => {
  const createServer = () => createEchoServer();
  return new SqsServer({ sqs, requestQueueUrl: requests.queueUrl, maxSessions, createServer });
});
