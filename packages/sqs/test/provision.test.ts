import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListQueuesCommand,
  ListQueueTagsCommand,
  QueueDeletedRecently,
} from '@aws-sdk/client-sqs';
import { MemorySessionStore } from '@asyncmcp/core';
import { rejectionOf } from '@asyncmcp/testkit';
import { SqsServer, provisionSqs } from '../src/index.js';
import { intercept, recordCalls, recordingLogger, startEmulator } from './support.js';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { SqsProvisionOptions } from '../src/index.js';
import type { Emulator } from './support.js';

let emulator: Emulator;
let sqs: SQSClient;
beforeEach(async () => {
  emulator = await startEmulator();
  sqs = emulator.client();
});
afterEach(() => emulator.stop());

const arnOf = (name: string): string => `arn:aws:sqs:us-east-1:000000000000:${name}`;

async function queueNames(): Promise<string[]> {
  const { QueueUrls = [] } = await emulator.sqs.send(new ListQueuesCommand({}));
  return QueueUrls.map((url) => url.slice(url.lastIndexOf('/') + 1)).sort();
}

async function attributesOf(queueUrl: string): Promise<Partial<Record<string, string>>> {
  const command = new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['All'] });
  return (await emulator.sqs.send(command)).Attributes ?? {};
}

async function redriveOf(queueUrl: string): Promise<unknown> {
  const { RedrivePolicy = '' } = await attributesOf(queueUrl);
  return RedrivePolicy === '' ? undefined : JSON.parse(RedrivePolicy);
}

/** Fails the calls of `client` that `matches` picks. */
function failCalls(
  client: SQSClient,
  matches: (command: string, input: { QueueName?: string; QueueUrl?: string }) => boolean,
  error: Error = Object.assign(new Error('no'), { name: 'AccessDenied', $fault: 'client' }),
): void {
  intercept(client, ({ command, input }, next) => (matches(command, input) ? Promise.reject(error) : next()));
}

describe('provisionSqs', () => {
  it('makes what is not there', async () => {
    const topology = await provisionSqs({
      sqs,
      requestQueueName: 'requests',
      responseQueueName: 'replies',
      visibilityTimeoutSeconds: 45,
      messageRetentionSeconds: 3600,
      tags: { team: 'x' },
    });
    expect(topology).toMatchObject({
      requestQueueArn: arnOf('requests'),
      responseQueueArn: arnOf('replies'),
      deadLetterQueueArn: arnOf('requests-dlq'),
    });
    expect(await queueNames()).toEqual(['replies', 'requests', 'requests-dlq']);
    expect(await redriveOf(topology.requestQueueUrl)).toEqual({
      deadLetterTargetArn: arnOf('requests-dlq'),
      maxReceiveCount: 30,
    });
    const own = { VisibilityTimeout: '45', MessageRetentionPeriod: '3600' };
    expect(await attributesOf(topology.requestQueueUrl)).toMatchObject(own);
    expect(await attributesOf(topology.responseQueueUrl ?? '')).toMatchObject(own);
    expect(await attributesOf(topology.deadLetterQueueUrl ?? '')).toMatchObject({ MessageRetentionPeriod: '1209600' });
    const { Tags } = await sqs.send(new ListQueueTagsCommand({ QueueUrl: topology.requestQueueUrl }));
    expect(Tags).toEqual({ team: 'x' });
  });

  it('lets only the request queue use the dead-letter queue it makes', async () => {
    const calls = recordCalls(sqs);
    await provisionSqs({ sqs, requestQueueName: 'requests' });
    const made = calls.find(
      ({ input }) => 'QueueName' in input && 'Attributes' in input && input.QueueName === 'requests-dlq',
    );
    expect(made?.input).toMatchObject({
      Attributes: {
        RedriveAllowPolicy: JSON.stringify({ redrivePermission: 'byQueue', sourceQueueArns: [arnOf('requests')] }),
      },
    });
  });

  it('makes queues that a server has nothing to say about', async () => {
    const { requestQueueUrl, teardown } = await provisionSqs({ sqs, requestQueueName: 'requests' });
    const logger = recordingLogger();
    const createServer = () => ({ connect: async () => {}, close: async () => {} });
    const server = new SqsServer({ sqs, requestQueueUrl, createServer, logger, store: new MemorySessionStore() });
    await server.start();
    await server.close();
    expect(logger.lines.filter(({ level }) => level === 'warn')).toEqual([]);
    await teardown();
  });

  it('finds what it made, and changes nothing', async () => {
    const options = { sqs, requestQueueName: 'requests', responseQueueName: 'replies' };
    const { teardown: _, ...first } = await provisionSqs(options);
    const calls = recordCalls(sqs);
    const { teardown: __, ...second } = await provisionSqs({
      ...options,
      maxReceiveCount: 7,
      messageRetentionSeconds: 60,
    });
    expect(second).toEqual(first);
    expect(calls.filter(({ command }) => !command.startsWith('Get'))).toEqual([]);
  });

  it('leaves a queue it finds as it is, but for the redrive policy it lacks', async () => {
    const requestQueueUrl = await emulator.createQueue('requests', { VisibilityTimeout: '77' });
    const topology = await provisionSqs({ sqs, requestQueueName: 'requests', maxReceiveCount: 40 });
    expect(topology.requestQueueUrl).toBe(requestQueueUrl);
    expect(await attributesOf(requestQueueUrl)).toMatchObject({ VisibilityTimeout: '77' });
    expect(await redriveOf(requestQueueUrl)).toEqual({
      deadLetterTargetArn: arnOf('requests-dlq'),
      maxReceiveCount: 40,
    });
    await topology.teardown();
    expect(await queueNames()).toEqual(['requests']);
    expect(await redriveOf(requestQueueUrl)).toBeUndefined();
  });

  it('keeps to the dead-letter queue that a queue has', async () => {
    const own = await emulator.createQueue('own-dlq');
    const policy = { deadLetterTargetArn: arnOf('own-dlq'), maxReceiveCount: 50 };
    const requestQueueUrl = await emulator.createQueue('requests', { RedrivePolicy: JSON.stringify(policy) });
    const topology = await provisionSqs({ sqs, requestQueueName: 'requests' });
    expect(topology).toMatchObject({ deadLetterQueueUrl: own, deadLetterQueueArn: arnOf('own-dlq') });
    expect(await redriveOf(requestQueueUrl)).toEqual(policy);
    await topology.teardown({ found: true });
    expect(await queueNames()).toEqual(['own-dlq']);
  });

  it('makes the dead-letter queue again that a redrive policy still names', async () => {
    const first = await provisionSqs({ sqs, requestQueueName: 'requests' });
    const without = await provisionSqs({ sqs, requestQueueName: 'requests-dlq', deadLetterQueueName: false });
    await without.teardown({ found: true });
    expect(await queueNames()).toEqual(['requests']);
    const { teardown: _, ...second } = await provisionSqs({ sqs, requestQueueName: 'requests' });
    expect(first).toMatchObject(second);
    expect(await queueNames()).toEqual(['requests', 'requests-dlq']);
  });

  it('says so when a redrive policy names a queue of another name that is gone', async () => {
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: arnOf('gone'), maxReceiveCount: 5 });
    await emulator.createQueue('requests', { RedrivePolicy });
    const error = await rejectionOf(provisionSqs({ sqs, requestQueueName: 'requests' }));
    expect(error).toMatchObject({ code: 'ERR_DESTINATION_GONE', message: expect.stringContaining(arnOf('gone')) });
    expect(await queueNames()).toEqual(['requests']);
  });

  it('makes FIFO queues, and ends their names as they must', async () => {
    const topology = await provisionSqs({
      sqs,
      requestQueueName: 'requests',
      responseQueueName: 'replies.fifo',
      fifo: true,
    });
    expect(await queueNames()).toEqual(['replies.fifo', 'requests-dlq.fifo', 'requests.fifo']);
    for (const url of [topology.requestQueueUrl, topology.responseQueueUrl, topology.deadLetterQueueUrl]) {
      expect(await attributesOf(url ?? '')).toMatchObject({ FifoQueue: 'true' });
    }
    await topology.teardown();
    expect(await queueNames()).toEqual([]);
  });

  it('makes no dead-letter queue where none is wanted', async () => {
    const topology = await provisionSqs({ sqs, requestQueueName: 'requests', deadLetterQueueName: false });
    expect(topology).not.toHaveProperty('deadLetterQueueUrl');
    expect(await queueNames()).toEqual(['requests']);
  });

  it('comes to the same when several do it at once', async () => {
    const options = { requestQueueName: 'requests', responseQueueName: 'replies' };
    const clients = [emulator.client(), emulator.client(), emulator.client()];
    const all = await Promise.all(clients.map((client) => provisionSqs({ ...options, sqs: client })));
    const urls = all.map(({ teardown: _, ...rest }) => rest);
    expect(urls).toEqual([urls[0], urls[0], urls[0]]);
    expect(await queueNames()).toEqual(['replies', 'requests', 'requests-dlq']);
    await Promise.all(all.map(({ teardown }) => teardown()));
    expect(await queueNames()).toEqual([]);
  });

  it('takes a queue that somebody else made meanwhile, otherwise, as it is', async () => {
    intercept(sqs, async ({ command, input }, next) => {
      const isCreate = command === 'CreateQueue' && 'QueueName' in input && input.QueueName === 'requests';
      if (isCreate) await emulator.createQueue('requests', { VisibilityTimeout: '99' });
      return next();
    });
    const topology = await provisionSqs({ sqs, requestQueueName: 'requests' });
    expect(await attributesOf(topology.requestQueueUrl)).toMatchObject({ VisibilityTimeout: '99' });
    await topology.teardown();
    expect(await queueNames()).toEqual(['requests']);
  });
});

describe('a provisioning that fails', () => {
  it('removes what it made, and nothing else', async () => {
    await emulator.createQueue('requests');
    failCalls(sqs, (command, { QueueName }) => command === 'CreateQueue' && QueueName === 'replies');
    const options = { sqs, requestQueueName: 'requests', responseQueueName: 'replies' };
    expect(await rejectionOf(provisionSqs(options))).toMatchObject({ code: 'ERR_ACCESS_DENIED' });
    expect(await queueNames()).toEqual(['requests']);
    const { QueueUrl = '' } = await emulator.sqs.send(new GetQueueUrlCommand({ QueueName: 'requests' }));
    expect(await redriveOf(QueueUrl)).toBeUndefined();
  });

  it('says what it could not remove', async () => {
    failCalls(sqs, (command) => command === 'SetQueueAttributes' || command === 'DeleteQueue');
    const error = await rejectionOf(provisionSqs({ sqs, requestQueueName: 'requests' }));
    expect(error).toMatchObject({
      code: 'ERR_ACCESS_DENIED',
      message: expect.stringMatching(/redrive policy.*could not be removed: queue .*requests-dlq.*queue .*requests /s),
      details: { left: [expect.stringContaining('requests-dlq'), expect.stringContaining('requests')] },
      cause: { errors: [expect.anything(), expect.anything(), expect.anything()] },
    });
  });

  it('says how long the name of a deleted queue is taken', async () => {
    const recently = new QueueDeletedRecently({ message: 'You must wait.', $metadata: { httpStatusCode: 400 } });
    failCalls(sqs, (command) => command === 'CreateQueue', recently);
    expect(await rejectionOf(provisionSqs({ sqs, requestQueueName: 'requests' }))).toMatchObject({
      code: 'ERR_UNAVAILABLE',
      message: expect.stringContaining('60 seconds'),
    });
  });

  it('leaves nothing behind when it is aborted, wherever it is', async () => {
    const calls = recordCalls(sqs);
    const options = { sqs, requestQueueName: 'requests', responseQueueName: 'replies' };
    await (await provisionSqs(options)).teardown();
    const steps = calls.length;
    let aborted = 0;
    for (let step = 0; step < steps; step++) {
      const controller = new AbortController();
      const reason = new Error('enough');
      let seen = 0;
      intercept(sqs, async (_call, next) => {
        if (seen++ === step) controller.abort(reason);
        return next();
      });
      const provisioning = provisionSqs({ ...options, signal: controller.signal });
      const outcome = await provisioning.then(
        ({ teardown }) => teardown(),
        (error: unknown) => error,
      );
      expect([reason, undefined]).toContain(outcome);
      if (outcome === reason) aborted++;
      expect(await queueNames()).toEqual([]);
    }
    expect(aborted).toBeGreaterThan(8);
    const early = provisionSqs({ ...options, signal: AbortSignal.abort(new Error('before')) });
    expect(await rejectionOf(early)).toMatchObject({ message: 'before' });
  });
});

describe('teardown', () => {
  const options = { requestQueueName: 'requests', responseQueueName: 'replies' };

  it('removes what the call made, once and again', async () => {
    const { teardown } = await provisionSqs({ ...options, sqs });
    await teardown();
    expect(await queueNames()).toEqual([]);
    const calls = recordCalls(sqs);
    await teardown();
    expect(calls).toEqual([]);
  });

  it('leaves what the call found, unless told otherwise', async () => {
    await emulator.createQueue('replies');
    const { teardown } = await provisionSqs({ ...options, sqs });
    await teardown();
    expect(await queueNames()).toEqual(['replies']);
    await teardown({ found: true });
    expect(await queueNames()).toEqual([]);
  });

  it('does not mind what is gone', async () => {
    const first = await provisionSqs({ ...options, sqs });
    const second = await provisionSqs({ ...options, sqs });
    await second.teardown({ found: true });
    await first.teardown();
    expect(await queueNames()).toEqual([]);
  });

  it('tries everything, tells all that failed, and may be called again', async () => {
    const { teardown } = await provisionSqs({ ...options, sqs });
    failCalls(sqs, (command, { QueueUrl = '' }) => command === 'DeleteQueue' && !QueueUrl.endsWith('requests'));
    expect(await rejectionOf(teardown())).toMatchObject({
      code: 'ERR_ACCESS_DENIED',
      message: expect.stringContaining('replies'),
      details: { left: [expect.stringContaining('replies'), expect.stringContaining('requests-dlq')] },
      cause: { errors: [{ code: 'ERR_ACCESS_DENIED' }, { code: 'ERR_ACCESS_DENIED' }] },
    });
    expect(await queueNames()).toEqual(['replies', 'requests-dlq']);
    intercept(sqs, (_call, next) => next());
    await teardown();
    expect(await queueNames()).toEqual([]);
  });
});

describe('a wrong option of provisionSqs is refused by name, before anything is made', () => {
  it.each([
    ['sqs', {}],
    ['requestQueueName', undefined],
    ['requestQueueName', 'with space'],
    ['requestQueueName', 'x'.repeat(81)],
    ['requestQueueName', 'requests.fifo'],
    ['responseQueueName', 'requests'],
    ['responseQueueName', 7],
    ['deadLetterQueueName', 'requests'],
    ['deadLetterQueueName', true],
    ['fifo', 'yes'],
    ['maxReceiveCount', 0],
    ['maxReceiveCount', 1001],
    ['visibilityTimeoutSeconds', 43_201],
    ['messageRetentionSeconds', 59],
    ['tags', { a: 1 }],
    ['tags', 'a'],
    ['signal', 'now'],
    ['logger', {}],
    ['queueName', 'requests'],
  ])('%s = %p', async (option, value) => {
    const options = { sqs, requestQueueName: 'requests', [option]: value } as SqsProvisionOptions;
    expect(await rejectionOf(provisionSqs(options))).toMatchObject({
      code: 'ERR_INVALID_OPTION',
      message: expect.stringContaining(`"${option}"`),
    });
    expect(await queueNames()).toEqual([]);
  });

  it('counts the suffix of a FIFO name', async () => {
    const name = { sqs, fifo: true, deadLetterQueueName: false as const };
    const error = await rejectionOf(provisionSqs({ ...name, requestQueueName: 'x'.repeat(76) }));
    expect(error).toMatchObject({ code: 'ERR_INVALID_OPTION' });
    await (await provisionSqs({ ...name, requestQueueName: 'x'.repeat(75) })).teardown();
  });
});
