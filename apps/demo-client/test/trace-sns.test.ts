import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  PublishBatchCommand,
  PublishCommand,
  SNSClient,
  SubscribeCommand,
  UnsubscribeCommand,
} from '@aws-sdk/client-sns';
import { Trace } from '../src/trace.js';
import { traceSns } from '../src/trace-sns.js';

const TopicArn = 'arn:aws:sns:us-east-1:000000000000:requests';
const SubscriptionArn = `${TopicArn}:0b1c`;
const ping = (id: number): string => JSON.stringify({ jsonrpc: '2.0', id, method: 'ping' });

describe('traceSns', () => {
  let sns: SNSClient;
  let trace: Trace;
  /** What SNS answers instead of being called. */
  let answer: () => object;

  beforeEach(() => {
    sns = new SNSClient({ region: 'us-east-1' });
    trace = new Trace();
    traceSns(sns, trace);
    sns.middlewareStack.add(() => async () => ({ response: {}, output: { $metadata: {}, ...answer() } }), {
      step: 'initialize',
      priority: 'low',
    });
  });

  afterEach(() => sns.destroy());

  it('records what is published, alone or in a batch, and what was refused', async () => {
    answer = () => ({ Failed: [{ Id: 'b' }] });
    await sns.send(new PublishCommand({ TopicArn, Message: ping(1) }));
    const PublishBatchRequestEntries = ['a', 'b'].map((Id, index) => ({ Id, Message: ping(index + 2) }));
    await sns.send(new PublishBatchCommand({ TopicArn, PublishBatchRequestEntries }));
    const entries = trace.take().map(({ kind, channel, what, refused }) => [kind, channel, what, refused]);
    expect(entries).toEqual([
      ['sent', 'topic requests', 'ping #1', undefined],
      ['sent', 'topic requests', 'ping #2', undefined],
      ['sent', 'topic requests', 'ping #3', true],
    ]);
    expect(trace.messages).toBe(3);
  });

  it('records what never reached SNS as refused', async () => {
    answer = () => {
      throw new Error('no network');
    };
    await expect(sns.send(new PublishCommand({ TopicArn, Message: ping(1) }))).rejects.toThrow('no network');
    expect(trace.take()).toMatchObject([{ what: 'ping #1', refused: true }]);
  });

  it('records subscriptions that come and go', async () => {
    answer = () => ({ SubscriptionArn });
    await sns.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint: 'queue' }));
    await sns.send(new UnsubscribeCommand({ SubscriptionArn }));
    expect(trace.take()).toMatchObject([
      { kind: 'created', channel: 'topic requests', what: 'subscription created' },
      { kind: 'deleted', channel: 'topic requests', what: 'subscription deleted' },
    ]);
  });
});
