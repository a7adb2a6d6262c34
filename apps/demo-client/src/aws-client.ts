import { SnsSqsClientTransport } from '@asyncmcp/sns-sqs';
import { SqsClientTransport } from '@asyncmcp/sqs';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { traceSns } from './trace-sns.js';
import { traceSqs } from './trace-sqs.js';
import type { ClientSide } from './client-side.js';
import type { Trace } from './trace.js';

export interface AwsClientOptions {
  /** Where requests go to. */
  readonly requests:
    { readonly requestQueueUrl: string } | { readonly requestTopicArn: string; readonly responseTopicArn: string };
  readonly responseQueueUrl?: string | undefined;
  readonly clientId?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
}

/** Opens clients for SQS, or SNS and SQS, whose calls are traced. */
export function openAwsClient(options: AwsClientOptions, trace: Trace): ClientSide {
  const { requests, responseQueueUrl, clientId, endpoint, region } = options;
  const config = { ...(endpoint && { endpoint }), ...(region && { region }) };
  const [sqs, sns] = [new SQSClient(config), new SNSClient(config)];
  traceSqs(sqs, trace);
  traceSns(sns, trace);
  const own = { ...(responseQueueUrl && { responseQueueUrl }), ...(clientId && { clientId }) };
  const close = async (): Promise<void> => {
    sqs.destroy();
    sns.destroy();
  };
  const replyQueue =
    responseQueueUrl === undefined ? 'a temporary queue, deleted at the end' : `the queue ${nameOf(responseQueueUrl)}`;
  if ('requestQueueUrl' in requests) {
    return {
      transport: 'sqs',
      requests: `to the queue ${nameOf(requests.requestQueueUrl)}`,
      replies: `to ${replyQueue}`,
      createTransport: () => new SqsClientTransport({ sqs, ...requests, ...own }),
      close,
    };
  }
  return {
    transport: 'sns-sqs',
    requests: `to the topic ${nameOf(requests.requestTopicArn)}`,
    replies: `to the topic ${nameOf(requests.responseTopicArn)}, and from there to ${replyQueue}`,
    createTransport: () => new SnsSqsClientTransport({ sns, sqs, ...requests, ...own }),
    createListener: () => new SnsSqsClientTransport({ sns, sqs, ...requests }),
    close,
  };
}

/** The name at the end of a queue's URL or a topic's ARN. */
function nameOf(address: string): string {
  return /[^/:]*$/.exec(address)?.[0] ?? address;
}
