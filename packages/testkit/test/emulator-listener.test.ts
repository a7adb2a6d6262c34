import { afterEach, describe, expect, it } from '@jest/globals';
import { createDeferred } from '../src/deferred.js';
import { EmulatorBackend } from '../src/emulator-backend.js';
import { EmulatorListener } from '../src/emulator-listener.js';
import { EmulatorService } from '../src/emulator-service.js';
import { rejectionOf } from '../src/rejection.js';
import { until } from '../src/until.js';
import type { Answer, Caller } from '../src/emulator-service.js';

const listeners: EmulatorListener[] = [];

afterEach(async () => {
  await Promise.all(listeners.splice(0).map((listener) => listener.shut()));
});

async function listen(answer: (caller: Caller) => Promise<Answer | undefined>): Promise<string> {
  const listener = new EmulatorListener((_, caller) => answer(caller));
  listeners.push(listener);
  await listener.open();
  return listener.origin;
}

const response = { status: 200, headers: {}, body: Buffer.from('taken') };

describe('EmulatorListener', () => {
  it('says so when an answer has nobody to go to', async () => {
    const asked = createDeferred<Caller>();
    const decided = createDeferred();
    const undelivered = createDeferred();
    const origin = await listen(async (caller) => {
      asked.resolve(caller);
      await decided.promise;
      return { response, undelivered: async () => undelivered.resolve() };
    });
    const client = new AbortController();
    const aborted = rejectionOf(fetch(origin, { signal: client.signal }));
    const caller = await asked.promise;
    expect(caller.gone()).toBe(false);
    client.abort();
    expect(await aborted).toMatchObject({ name: 'AbortError' });
    await until(() => caller.gone());
    decided.resolve();
    await undelivered.promise;
  });

  it('does not say so of an answer that arrived', async () => {
    let undelivered = 0;
    const origin = await listen(async () => ({ response, undelivered: async () => void (undelivered += 1) }));
    expect(await (await fetch(origin)).text()).toBe('taken');
    expect(undelivered).toBe(0);
  });

  it('breaks the connection when there is no answer', async () => {
    const origin = await listen(() => Promise.reject(new Error('no idea')));
    await expect(fetch(origin)).rejects.toThrow('fetch failed');
  });
});

describe('EmulatorService', () => {
  it('gives messages back that their receiver did not get', async () => {
    const backend = new EmulatorBackend();
    const service = new EmulatorService(backend, () => {});
    const call = async (action: string, input: Record<string, unknown>) => {
      const headers = { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': `AmazonSQS.${action}` };
      const body = Buffer.from(JSON.stringify(input));
      return service.answer({ method: 'POST', url: '/', headers, body }, { origin: 'http://here', gone: () => false });
    };
    await call('CreateQueue', { QueueName: 'jobs' });
    const QueueUrl = 'http://here/000000000000/jobs';
    await call('SendMessage', { QueueUrl, MessageBody: 'hello' });
    const first = await call('ReceiveMessage', { QueueUrl });
    const waiting = call('ReceiveMessage', { QueueUrl, WaitTimeSeconds: 20 });
    await first?.undelivered?.();
    expect((await waiting)?.response.body.toString()).toContain('hello');
    await backend.close();
  });
});
