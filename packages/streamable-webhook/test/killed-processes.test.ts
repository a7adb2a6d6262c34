import { describe, expect, it } from '@jest/globals';
import { rejectionOf } from '@asyncmcp/testkit';
import { call, messagesOf, responsesIn, useSystem } from './client-system.js';
import type { ModuleProcess } from '@asyncmcp/testkit';

const system = useSystem();

const WAYS = [
  ['over the connection', ''],
  ['by webhook', '_by_webhook'],
] as const;

function runs(processes: readonly ModuleProcess[], marker: string): number {
  const lines = processes.flatMap((child) => child.lines);
  return lines.filter((line) => line['event'] === 'run' && line['marker'] === marker).length;
}

describe.each(WAYS)('a server process killed in a call that is answered %s', (_way, suffix) => {
  it('loses nothing: with a shared store the client posts the call again, and the next process answers it, once', async () => {
    const storeDirectory = await system().directory();
    const first = await system().serverProcess({ storeDirectory, hang: true });
    const transport = system().transport();
    const client = await system().client(transport);
    const messages = messagesOf(transport);

    const answer = call(client, `work${suffix}`, { marker: 'a' });
    await first.nextLine((line) => line['event'] === 'run');
    await first.kill('SIGKILL');
    const second = await system().serverProcess({ storeDirectory });

    expect(await answer).toBe(`a by ${String(second.process.pid)}`);
    expect([runs([first], 'a'), runs([second], 'a')]).toEqual([1, 1]);
    expect(await call(client, `work${suffix}`, { marker: 'b' })).toBe(`b by ${String(second.process.pid)}`);
    expect(responsesIn(messages)).toHaveLength(2);
    expect(second.lines.find((line) => line['marker'] === 'a')).toMatchObject({ resumed: true });
  });

  it('is never silent: with the in-memory store the caller gets a session-lost error', async () => {
    const first = await system().serverProcess({ hang: true });
    const client = await system().client();
    const errors: Error[] = [];
    client.onerror = (error) => errors.push(error);

    const failure = rejectionOf(call(client, `work${suffix}`, { marker: 'a' }));
    await first.nextLine((line) => line['event'] === 'run');
    await first.kill('SIGKILL');
    await system().serverProcess();

    expect(await failure).toMatchObject({ code: -32001, data: { code: 'ERR_SESSION_NOT_FOUND' } });
    expect(errors).toContainEqual(expect.objectContaining({ code: 'ERR_SESSION_LOST' }));
  });

  it('does not go on for ever: a call that kills its process three times is answered with an error', async () => {
    const storeDirectory = await system().directory();
    const processes = [await system().serverProcess({ storeDirectory })];
    const client = await system().client();

    const failure = rejectionOf(client.callTool({ name: `crash${suffix}` }));
    for (let kill = 0; kill < 3; kill++) {
      expect(await processes[kill]?.exited).toEqual({ code: null, signal: 'SIGKILL' });
      processes.push(await system().serverProcess({ storeDirectory }));
    }

    expect(await failure).toMatchObject({ code: -32603, data: { code: 'ERR_TOO_MANY_ATTEMPTS', attempts: 4 } });
    expect(runs(processes, 'crash')).toBe(3);
    expect(await call(client, 'work', { marker: 'and on it goes' })).toContain('and on it goes');
  });
});

describe('a server process that is told to end (SIGTERM)', () => {
  it('hands a call that is answered by webhook over to the next', async () => {
    const storeDirectory = await system().directory();
    const first = await system().serverProcess({ storeDirectory, hang: true, drainTimeoutMs: 50 });
    const client = await system().client();
    const answer = call(client, 'work_by_webhook', { marker: 'a' });
    await first.nextLine((line) => line['event'] === 'run');
    expect(await first.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    const second = await system().serverProcess({ storeDirectory });
    expect(await answer).toBe(`a by ${String(second.process.pid)}`);
  });

  it('answers who waits on a connection, and the session goes on with the next', async () => {
    const storeDirectory = await system().directory();
    const first = await system().serverProcess({ storeDirectory, hang: true, drainTimeoutMs: 50 });
    const client = await system().client();
    const failure = rejectionOf(call(client, 'work', { marker: 'a' }));
    await first.nextLine((line) => line['event'] === 'run');
    expect(await first.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(await failure).toMatchObject({ code: -32603, data: { code: 'ERR_CLOSED' } });
    const second = await system().serverProcess({ storeDirectory });
    expect(await call(client, 'work', { marker: 'b' })).toBe(`b by ${String(second.process.pid)}`);
  });
});
