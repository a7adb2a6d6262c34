import { describe, expect, it } from '@jest/globals';
import { createEnvelope, silentLogger } from '@asyncmcp/core';
import { createSender } from '@asyncmcp/sqs';
import { rejectionOf } from '@asyncmcp/testkit';
import { provisionSnsSqs } from '../src/index.js';
import { createSnsSendApi } from '../src/sns-send-api.js';
import { createTopicLimits } from '../src/topic-limits.js';
import { accessDenied, intercept, recordCalls, useTopology } from './topology.js';
import type { Sender, SenderOptions } from '@asyncmcp/sqs';
import type { Topology } from './topology.js';

const topology = useTopology();

/** A topic with a queue that hears all of it, and a sender to it. */
async function setUp(options: Partial<SenderOptions> = {}): Promise<Topology & Target> {
  const { sns, sqs } = topology();
  const { requestTopicArn, requestQueueUrl } = await provisionSnsSqs({
    sns,
    sqs,
    requestTopicName: 'requests',
    requestQueueName: 'requests',
    responseTopicName: 'responses',
  });
  const api = createSnsSendApi(sns, createTopicLimits(sns, silentLogger));
  const sender = createSender(api, { logger: silentLogger, messageAttributes: {}, controlGroup: false, ...options });
  return { ...topology(), sender, topicArn: requestTopicArn, queueUrl: requestQueueUrl };
}

interface Target {
  readonly sender: Sender;
  readonly topicArn: string;
  readonly queueUrl: string;
}

const plain = (body: string) => ({ body, attributes: { MessageType: { DataType: 'String', StringValue: 'jsonrpc' } } });
const LARGE = 'x'.repeat(262_145);

/** Of all messages in a queue, which are taken out, in alphabetical order. */
async function bodiesIn(queueUrl: string): Promise<string[]> {
  const messages = await topology().receive(queueUrl);
  return messages.map(({ Body = '' }) => Body).toSorted();
}

describe('publishing', () => {
  it('sends a lone message as one, and what waits behind it in a batch', async () => {
    const { sender, topicArn, queueUrl, sns, sqs } = await setUp();
    const calls = recordCalls({ sns, sqs });
    const first = sender.send(topicArn, plain('first'));
    await Promise.resolve();
    await Promise.all([first, ...['a', 'b', 'c'].map((body) => sender.send(topicArn, plain(body)))]);
    expect(calls.map(({ command }) => command)).toEqual(['Publish', 'PublishBatch']);
    const bodies = await bodiesIn(queueUrl);
    expect(bodies).toEqual(['a', 'b', 'c', 'first']);
    await sender.close();
  });

  it('tries an entry again that SNS refused for the moment, rejects the one it refused for good, and sends the others once', async () => {
    const { sender, topicArn, queueUrl, sns, sqs } = await setUp();
    let batches = 0;
    intercept({ sns, sqs }, async ({ command, input }, next) => {
      if (command !== 'PublishBatch' || batches++ > 0) return next();
      const { PublishBatchRequestEntries: entries } = input as {
        PublishBatchRequestEntries: { Id: string; Message: string }[];
      };
      const refused = entries.filter(({ Message }) => Message !== 'fine');
      entries.splice(0, entries.length, ...entries.filter((entry) => !refused.includes(entry)));
      const output = (await next()) as object;
      const Failed = refused.map(({ Id, Message }) =>
        Message === 'later'
          ? { Id, Code: 'InternalError', SenderFault: false }
          : { Id, Code: 'InvalidParameter', SenderFault: true },
      );
      return { ...output, Failed };
    });
    // Together from the start, in one batch.
    const outcomes = await Promise.allSettled(
      ['later', 'never', 'fine'].map((body) => sender.send(topicArn, plain(body))),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(outcomes[1]).toMatchObject({ reason: { code: 'ERR_MESSAGE_INVALID' } });
    expect(await bodiesIn(queueUrl)).toEqual(['fine', 'later']);
    await sender.close();
  });

  it('refuses a message with more than ten attributes before SNS can drop it', async () => {
    const messageAttributes = { one: '1', two: '2', three: '3' };
    const { sender, topicArn, sns, sqs } = await setUp({ messageAttributes });
    const calls = recordCalls({ sns, sqs });
    const metadata = { sessionId: 's', clientId: 'c', protocolVersion: '2025-06-18' };
    const envelope = createEnvelope({ jsonrpc: '2.0', id: 1, method: 'ping' }, metadata);
    const error = await rejectionOf(sender.sendEnvelope(topicArn, envelope));
    expect(error).toMatchObject({ code: 'ERR_TOO_MANY_ATTRIBUTES', details: { count: 11, limit: 10 } });
    expect(calls).toEqual([]);
    await sender.close();
  });

  it('names both sizes when a message is too large, by the topic’s own limit', async () => {
    const { sender, topicArn, sns, sqs } = await setUp();
    expect(await rejectionOf(sender.send(topicArn, plain(LARGE)))).toMatchObject({
      code: 'ERR_MESSAGE_TOO_LARGE',
      details: { limitBytes: 262_144 },
    });
    const larger = createSender(createSnsSendApi(sns, createTopicLimits(sns, silentLogger)), {
      logger: silentLogger,
      messageAttributes: {},
      controlGroup: false,
    });
    const published: string[] = [];
    intercept({ sns, sqs }, async ({ command }, next) => {
      // The emulator takes 256 KiB from every topic.
      if (command === 'GetTopicAttributes') return { Attributes: { MaximumMessageSize: '300000' } };
      if (command !== 'Publish') return next();
      published.push(command);
      return {};
    });
    await larger.send(topicArn, plain(LARGE));
    expect(published).toEqual(['Publish']);
    const error = await rejectionOf(larger.send(topicArn, plain('x'.repeat(300_000))));
    expect(String(error)).toMatch(/300\d+ bytes .* at most 300000 bytes/);
    await Promise.all([sender.close(), larger.close()]);
  });

  it('takes the default limit where it may not read the topic’s', async () => {
    const { sender, topicArn, sns, sqs } = await setUp();
    intercept({ sns, sqs }, async ({ command }, next) => {
      if (command === 'GetTopicAttributes') throw accessDenied();
      return next();
    });
    expect(await rejectionOf(sender.send(topicArn, plain(LARGE)))).toMatchObject({ code: 'ERR_MESSAGE_TOO_LARGE' });
    await sender.close();
  });

  it('says that a topic does not exist', async () => {
    const { sender, topicArn } = await setUp();
    const error = await rejectionOf(sender.send(`${topicArn}-not`, plain('x')));
    expect(error).toMatchObject({ code: 'ERR_DESTINATION_GONE' });
    await sender.close();
  });
});
