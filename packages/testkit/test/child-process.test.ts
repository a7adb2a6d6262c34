import { afterEach, describe, expect, it } from '@jest/globals';
import { fileURLToPath } from 'node:url';
import { spawnModule } from '../src/child-process.js';
import { until } from '../src/until.js';
import type { ModuleProcess } from '../src/child-process.js';

const talker = new URL('./fixtures/talker.mjs', import.meta.url);

describe('spawnModule', () => {
  const started: ModuleProcess[] = [];
  const start = async (...parameters: Parameters<typeof spawnModule>) => {
    const child = await spawnModule(...parameters);
    started.push(child);
    return child;
  };
  afterEach(async () => {
    await Promise.all(started.splice(0).map((child) => child.kill()));
  });

  it('collects the lines of JSON, in order', async () => {
    const child = await start(talker, { args: ['{"n":1}', '{"n":2}', 'end'] });
    expect(await child.nextLine()).toEqual({ n: 1 });
    expect(await child.nextLine()).toEqual({ n: 2 });
    expect(await child.exited).toEqual({ code: 0, signal: null });
    expect(child.lines).toEqual([{ n: 1 }, { n: 2 }]);
  });

  it('keeps lines for whoever asks for them later', async () => {
    const child = await start(talker, { args: ['{"n":1}', '{"n":2}', '{"n":3}', 'stay'] });
    expect(await child.nextLine((line) => line['n'] === 3)).toEqual({ n: 3 });
    expect(await child.nextLine()).toEqual({ n: 1 });
    expect(await child.nextLine((line) => Number(line['n']) > 0)).toEqual({ n: 2 });
  });

  it('keeps the rest of the output aside', async () => {
    const child = await start(fileURLToPath(talker), { args: ['end'] });
    await child.exited;
    expect(child.output).toContain('about to talk');
    expect(child.output).toContain('no JSON');
    expect(child.output).toContain('{ broken');
    expect(child.lines).toEqual([]);
  });

  it('passes the environment', async () => {
    const child = await start(talker.href, { args: ['env'], env: { TALKER: 'heard' } });
    expect(await child.nextLine()).toEqual({ env: 'heard' });
  });

  it('rejects with the output when the process ends without the line', async () => {
    const child = await start(talker, { args: ['{"n":1}', 'fail'] });
    const waiting = child.nextLine((line) => line['n'] === 2);
    await expect(waiting).rejects.toThrow(/ended \(exit code 1\)[^]*failed on purpose/);
    await expect(child.nextLine((line) => line['n'] === 2)).rejects.toThrow('ended (exit code 1)');
    expect(await child.nextLine()).toEqual({ n: 1 });
  });

  it('rejects when the line does not come in time', async () => {
    const child = await start(talker, { args: ['stay'] });
    await expect(child.nextLine(undefined, { timeoutMs: 20 })).rejects.toThrow('no such line within 20 ms');
  });

  it('kills a process that does not want to end', async () => {
    const child = await start(talker, { args: ['deaf'] });
    await child.nextLine((line) => line['ready'] === true);
    child.process.kill('SIGTERM');
    await child.nextLine((line) => line['heard'] === 'SIGTERM');
    expect(await child.kill()).toEqual({ code: null, signal: 'SIGKILL' });
    expect(await child.kill()).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it('takes its process with it when it is killed itself', async () => {
    const parent = await start(new URL('./fixtures/parent.mjs', import.meta.url));
    const { child } = await parent.nextLine();
    expect(isRunning(Number(child))).toBe(true);
    await parent.kill();
    await until(() => !isRunning(Number(child)), { message: 'the orphan to end' });
  });
});

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
