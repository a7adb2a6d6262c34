import { describe, expect, it } from '@jest/globals';
import { describeReplies } from '../src/replies.js';
import type { Transport } from '../src/replies.js';

describe('describeReplies', () => {
  const queue = 'https://sqs.eu-west-1.amazonaws.com/123456789012/replies';
  const topic = 'arn:aws:sns:eu-west-1:123456789012:replies';
  const webhook = 'https://user:secret@client.example.com/webhook?token=secret#secret';

  it.each<[Transport, string, string]>([
    ['sqs', queue, 'to the queue replies'],
    ['sns-sqs', topic, 'to the topic replies'],
    ['webhook', webhook, 'by webhook to https://client.example.com/webhook'],
    [
      'streamable-webhook',
      webhook,
      'over the connection; results of analyze, count_words and wait by webhook to https://client.example.com/webhook',
    ],
    ['streamable-webhook', 'connection', 'over the connection'],
    ['webhook', 'no URL', 'by webhook to an address of its own'],
  ])('%s to %s', (transport, replyTo, replies) => {
    expect(describeReplies(transport, replyTo)).toBe(replies);
  });
});
