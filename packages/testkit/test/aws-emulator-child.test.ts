import { CreateQueueCommand, ListQueuesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterEach, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { spawnAwsEmulator } from '../src/aws-emulator-child.js';
import type { AwsEmulatorChild, AwsEmulatorOptions } from '../src/index.js';

describe('spawnAwsEmulator', () => {
  const running: AwsEmulatorChild[] = [];
  const clients: SQSClient[] = [];
  const start = async (options?: AwsEmulatorOptions) => {
    const emulator = await spawnAwsEmulator(options);
    const sqs = new SQSClient({ ...emulator.clientConfig, maxAttempts: 1 });
    running.push(emulator);
    clients.push(sqs);
    return { emulator, sqs };
  };
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await Promise.all(running.splice(0).map((emulator) => emulator.kill()));
  });

  it('serves from a process of its own, which ends when it is asked to', async () => {
    const { emulator, sqs } = await start();
    expect(emulator.endpoint).toBe(`http://127.0.0.1:${emulator.port}`);
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'jobs' }));
    expect(QueueUrl).toBe(`${emulator.endpoint}/000000000000/jobs`);
    await emulator.stop();
    expect(emulator.process.exitCode).toBe(0);
    await expect(sqs.send(new ListQueuesCommand())).rejects.toThrow(/ECONNREFUSED|socket hang up/);
  });

  it('starts again empty, on the same port', async () => {
    const first = await start();
    await first.sqs.send(new CreateQueueCommand({ QueueName: 'jobs' }));
    await first.emulator.kill();
    expect(first.emulator.process.signalCode).toBe('SIGKILL');
    const second = await start({ port: first.emulator.port });
    expect(second.emulator.endpoint).toBe(first.emulator.endpoint);
    expect((await second.sqs.send(new ListQueuesCommand())).QueueUrls ?? []).toEqual([]);
  });

  it('can be frozen', async () => {
    const { emulator, sqs } = await start();
    emulator.pause();
    let answered = false;
    const call = sqs.send(new CreateQueueCommand({ QueueName: 'jobs' })).then((result) => {
      answered = true;
      return result;
    });
    await sleep(200);
    expect(answered).toBe(false);
    emulator.resume();
    expect((await call).QueueUrl).toContain('/jobs');
  });

  it('stops and is killed also when frozen', async () => {
    const stopped = await start();
    stopped.emulator.pause();
    await stopped.emulator.stop();
    const killed = await start();
    killed.emulator.pause();
    await killed.emulator.kill();
    expect(stopped.emulator.process.exitCode).toBe(0);
    expect(killed.emulator.process.signalCode).toBe('SIGKILL');
  });

  it('rejects with what the process said when it cannot start', async () => {
    const { emulator } = await start();
    await expect(spawnAwsEmulator({ port: emulator.port })).rejects.toThrow('EADDRINUSE');
  });
});
