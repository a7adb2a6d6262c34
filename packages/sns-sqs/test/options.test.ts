import { describe, expect, it } from '@jest/globals';
import { SqsResponseReceiver, createQueueLimits } from '@asyncmcp/sqs';
import { silentLogger } from '@asyncmcp/core';
import { rejectionOf } from '@asyncmcp/testkit';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { SnsSqsClientTransport, SnsSqsServer } from '../src/index.js';
import { createReplyPolicy } from '../src/reply-policy.js';
import type { QueueLimits } from '@asyncmcp/sqs';
import type { SnsSqsClientTransportOptions, SnsSqsServerOptions } from '../src/index.js';

const sns = new SNSClient({ region: 'eu-west-1' });
const sqs = new SQSClient({ region: 'eu-west-1' });
const topic = (name: string) => `arn:aws:sns:eu-west-1:123456789012:${name}`;
const queue = (name: string) => `https://sqs.eu-west-1.amazonaws.com/123456789012/${name}`;

const SERVER: SnsSqsServerOptions = {
  sns,
  sqs,
  requestQueueUrl: queue('requests'),
  createServer: () => new McpServer({ name: 'x', version: '1' }),
};
const CLIENT: SnsSqsClientTransportOptions = {
  sns,
  sqs,
  requestTopicArn: topic('requests'),
  responseTopicArn: topic('responses'),
};

const receiver = new SqsResponseReceiver({ sqs, responseQueueUrl: queue('responses') });

describe('options are checked at construction', () => {
  it.each<[string, Record<string, unknown>]>([
    ['sns', { sns: {} }],
    ['sqs', { sqs: undefined }],
    ['requestQueueUrl', { requestQueueUrl: 'requests' }],
    ['deadLetterQueueUrl', { deadLetterQueueUrl: queue('requests') }],
    ['answerQueueUrl', { answerTopicArn: topic('answers') }],
    ['answerTopicArn', { answerQueueUrl: queue('answers') }],
    [
      'answerQueueUrl',
      { answerQueueUrl: queue('dead'), answerTopicArn: topic('answers'), deadLetterQueueUrl: queue('dead') },
    ],
    ['messageAttributes', { messageAttributes: { a: '1', b: '2', c: '3' } }],
    ['allowReplyTo', { allowReplyTo: 'all' }],
    ['requestTopicArn', { requestTopicArn: topic('requests') }],
  ])('%s of the server', (option, wrong) => {
    const make = (): unknown => new SnsSqsServer({ ...SERVER, ...wrong });
    expect(make).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_OPTION', message: expect.stringContaining(option) }),
    );
  });

  it.each<[string, Record<string, unknown>]>([
    ['sns', { sns: undefined }],
    ['requestTopicArn', { requestTopicArn: queue('requests') }],
    ['responseTopicArn', { responseTopicArn: topic('requests') }],
    ['responseTopicArn', { responseTopicArn: 'arn:aws:sns:eu-west-1:1234:x' }],
    ['responseQueueUrl', { responseQueueUrl: topic('responses') }],
    ['subscriptionArn', { subscriptionArn: `${topic('responses')}:6b0e71bd-7e97-4d97-80ce-4a0994e55286` }],
    ['subscriptionArn', { subscriptionArn: topic('responses'), responseQueueUrl: queue('responses') }],
    ['subscriptionArn', { subscriptionArn: 'garbage', responseQueueUrl: queue('responses') }],
    ['receiver', { receiver: {} }],
    ['receiver', { receiver: null }],
    ['receiver', { receiver: 'x' }],
    ['subscriptionCheckMs', { subscriptionCheckMs: 10 }],
    ['clientId', { clientId: 'with space' }],
    ['messageAttributes', { messageAttributes: { SessionId: 'x' } }],
    ['topicArn', { topicArn: topic('misspelt') }],
    ['waitTimeSeconds', { receiver, waitTimeSeconds: 10 }],
    ['visibilityTimeoutSeconds', { receiver, visibilityTimeoutSeconds: 10 }],
  ])('%s of the client', (option, wrong) => {
    const make = (): unknown => new SnsSqsClientTransport({ ...CLIENT, ...wrong });
    expect(make).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_OPTION', message: expect.stringContaining(option) }),
    );
  });
});

describe('where replies may go by default', () => {
  const requestQueueUrl = SERVER.requestQueueUrl;
  const limits = (queueArn?: string): QueueLimits => ({
    ...createQueueLimits(sqs, silentLogger),
    get: async () => ({ maximumMessageSize: 1, ...(queueArn !== undefined && { queueArn }) }),
  });

  it.each([
    ['a topic of the same account and region', topic('any'), true],
    ['a FIFO topic', topic('any.fifo'), true],
    ['another account', 'arn:aws:sns:eu-west-1:999999999999:any', false],
    ['another region', 'arn:aws:sns:us-east-1:123456789012:any', false],
    ['another partition', 'arn:aws-cn:sns:eu-west-1:123456789012:any', false],
    ['a queue', 'arn:aws:sqs:eu-west-1:123456789012:any', false],
    ['a subscription', `${topic('any')}:6b0e71bd-7e97-4d97-80ce-4a0994e55286`, false],
    ['something around a topic', ` ${topic('any')}`, false],
  ])('%s', async (_what, address, allowed) => {
    for (const facts of [limits('arn:aws:sqs:eu-west-1:123456789012:requests'), limits()]) {
      expect(await createReplyPolicy({ requestQueueUrl }, facts).allows(address, {})).toBe(allowed);
    }
  });

  it('is nowhere, with a word on why, when the queue’s account and region cannot be told', async () => {
    const policy = createReplyPolicy({ requestQueueUrl: 'http://localhost:4566/000000000000/requests' }, limits());
    expect(await rejectionOf(policy.prepare())).toMatchObject({ code: 'ERR_ACCESS_DENIED' });
    expect(String(await rejectionOf(policy.prepare()))).toContain('allowReplyTo');
  });
});
