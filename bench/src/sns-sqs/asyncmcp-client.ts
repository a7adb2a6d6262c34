import { SnsSqsClientTransport } from '@asyncmcp/sns-sqs';
import { answerAsClient } from '../aws/answer-as-client.js';

answerAsClient(({ sns, sqs }, { clientId, requests, responses }) => {
  const topics = { requestTopicArn: requests.address, responseTopicArn: responses.address };
  return new SnsSqsClientTransport({ sns, sqs, ...topics, responseQueueUrl: responses.queueUrl, clientId });
});
