import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SQSClient } from '@aws-sdk/client-sqs';
import { createQueueLimits } from '../src/queue-limits.js';
import { intercept, recordCalls, recordingLogger, startEmulator } from './support.js';
import type { Emulator } from './support.js';

let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator();
});
afterAll(() => emulator.stop());

describe('queue limits', () => {
  it('reads a queue’s own limit and its dead-letter queue', async () => {
    await emulator.createQueue('facts-dead');
    const dead = 'arn:aws:sqs:us-east-1:000000000000:facts-dead';
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: dead, maxReceiveCount: 3 });
    const queueUrl = await emulator.createQueue('facts', { MaximumMessageSize: '2048', RedrivePolicy });
    const limits = createQueueLimits(emulator.sqs, recordingLogger());
    await expect(limits.get(queueUrl)).resolves.toEqual({
      queueArn: 'arn:aws:sqs:us-east-1:000000000000:facts',
      maximumMessageSize: 2048,
      deadLetterTargetArn: dead,
      maxReceiveCount: 3,
    });
  });

  it('asks once, also when asked several times at once', async () => {
    const queueUrl = await emulator.createQueue('once');
    const sqs = emulator.client();
    const calls = recordCalls(sqs);
    const limits = createQueueLimits(sqs, recordingLogger());
    await Promise.all([limits.get(queueUrl), limits.get(queueUrl)]);
    await limits.get(queueUrl);
    expect(calls).toHaveLength(1);
  });

  it('does not remember that a queue is missing', async () => {
    const queueUrl = await emulator.createQueue('exists-later');
    const missing = queueUrl.replace('exists-later', 'missing');
    const limits = createQueueLimits(emulator.sqs, recordingLogger());
    await expect(limits.get(missing)).rejects.toMatchObject({ code: 'ERR_DESTINATION_GONE' });
    expect(await emulator.createQueue('missing')).toBe(missing);
    await expect(limits.get(missing)).resolves.toMatchObject({ maximumMessageSize: 1_048_576 });
  });

  it('assumes the limit of SQS where it may not ask, and says so once', async () => {
    const sqs = emulator.client();
    intercept(sqs, () => Promise.reject(Object.assign(new Error('no'), { name: 'AccessDenied', $fault: 'client' })));
    const logger = recordingLogger();
    const limits = createQueueLimits(sqs, logger);
    await expect(limits.get('https://a/1/x')).resolves.toEqual({ maximumMessageSize: 1_048_576 });
    await expect(limits.get('https://a/1/y')).resolves.toEqual({ maximumMessageSize: 1_048_576 });
    expect(logger.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });

  it('does not take missing credentials for a missing permission', async () => {
    const sqs = new SQSClient({
      endpoint: 'http://127.0.0.1:1',
      region: 'us-east-1',
      credentials: () => Promise.reject(Object.assign(new Error('none'), { name: 'CredentialsProviderError' })),
    });
    const limits = createQueueLimits(sqs, recordingLogger());
    await expect(limits.get('https://a/1/x')).rejects.toMatchObject({ code: 'ERR_ACCESS_DENIED' });
  });

  it('is not put off by a redrive policy it cannot read', async () => {
    const sqs = emulator.client();
    intercept(sqs, () => Promise.resolve({ Attributes: { MaximumMessageSize: 'NaN', RedrivePolicy: '{' } }));
    await expect(createQueueLimits(sqs, recordingLogger()).get('https://a/1/x')).resolves.toEqual({
      maximumMessageSize: 1_048_576,
    });
  });
});
