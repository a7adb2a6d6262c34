import { describe, expect, it } from '@jest/globals';
import { until } from '@asyncmcp/testkit';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { ElicitRequestSchema, McpError } from '@modelcontextprotocol/sdk/types.js';
import { call, useSystem } from './system.js';
import type { ModuleProcess } from '@asyncmcp/testkit';

const system = useSystem();

function runs(processes: readonly ModuleProcess[], marker: string): number {
  const lines = processes.flatMap((child) => child.lines);
  return lines.filter((line) => line['event'] === 'run' && line['marker'] === marker).length;
}

async function failureOf(promise: Promise<unknown>): Promise<McpError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof McpError) return error;
    throw error;
  }
  throw new Error('the call succeeded');
}

describe('a server process killed in mid-call', () => {
  it('loses nothing: with a shared store the next process answers the call, once', async () => {
    const storeDirectory = await system().directory();
    const first = await system().serverProcess({ storeDirectory, hang: true });
    const transport = system().transport();
    const client = await system().client(transport);
    let responses = 0;
    const onmessage = transport.onmessage;
    transport.onmessage = (message, extra) => {
      if ('result' in message) responses++;
      onmessage?.(message, extra);
    };

    const answer = call(client, 'work', { marker: 'a' });
    await first.nextLine((line) => line['event'] === 'run');
    await first.kill('SIGKILL');
    const second = await system().serverProcess({ storeDirectory });

    expect(await answer).toBe(`a by ${String(second.process.pid)}`);
    expect([runs([first], 'a'), runs([second], 'a')]).toEqual([1, 1]);
    // The session lives on: nothing was said to the client, and the next call is served as if nothing had happened.
    expect(await call(client, 'work', { marker: 'b' })).toBe(`b by ${String(second.process.pid)}`);
    expect(responses).toBe(2);
    expect(second.lines.find((line) => line['marker'] === 'a')).toMatchObject({ resumed: true });
  });

  it('is never silent: with the in-memory store the caller gets a session-lost error', async () => {
    const first = await system().serverProcess({ hang: true });
    const transport = system().transport();
    const client = await system().client(transport);
    const errors: Error[] = [];
    client.onerror = (error) => errors.push(error);

    const failure = failureOf(call(client, 'work', { marker: 'a' }));
    await first.nextLine((line) => line['event'] === 'run');
    await first.kill('SIGKILL');
    await system().serverProcess();

    expect(await failure).toMatchObject({ code: -32001, data: { code: 'ERR_SESSION_NOT_FOUND' } });
    expect(errors).toMatchObject([{ code: 'ERR_SESSION_LOST' }]);
  });

  it('does not go on for ever: a call that kills its process three times is answered and dead-lettered', async () => {
    const { aws, deadLetterQueueUrl } = system();
    const storeDirectory = await system().directory();
    const processes = [await system().serverProcess({ storeDirectory })];
    const client = await system().client();

    const failure = failureOf(client.callTool({ name: 'crash' }));
    for (let kill = 0; kill < 3; kill++) {
      expect(await processes[kill]?.exited).toEqual({ code: null, signal: 'SIGKILL' });
      processes.push(await system().serverProcess({ storeDirectory }));
    }

    expect(await failure).toMatchObject({ code: -32603, data: { code: 'ERR_TOO_MANY_ATTEMPTS', attempts: 4 } });
    expect(runs(processes, 'crash')).toBe(3);
    await until(async () => (await aws.messages(deadLetterQueueUrl)).visible === 1);
    const [dead] = await aws.receiveAll(deadLetterQueueUrl);
    expect(JSON.parse(dead?.Body ?? '')).toMatchObject({ method: 'tools/call', params: { name: 'crash' } });
    expect(dead?.MessageAttributes?.['DeadLetterReason']?.StringValue).toMatch(/4 times/);
    // The last process is alive and well.
    expect(await call(client, 'work', { marker: 'after' })).toMatch(/^after by/);
  });
});

describe('two server processes over one queue and one store', () => {
  it('serve the same session, and every call is answered once', async () => {
    const storeDirectory = await system().directory();
    const processes = await Promise.all([0, 1].map(() => system().serverProcess({ storeDirectory, concurrency: 4 })));
    const transport = system().transport();
    const client = await system().client(transport);

    const markers = Array.from({ length: 60 }, (_, index) => `m${index}`);
    const answers = await Promise.all(markers.map((marker) => call(client, 'work', { marker })));

    expect(answers.map((answer) => answer.split(' ')[0])).toEqual(markers);
    expect(markers.map((marker) => runs(processes, marker))).toEqual(markers.map(() => 1));
    expect(new Set(answers.map((answer) => answer.split(' ').at(-1))).size).toBe(2);
    expect(transport.counters).toEqual({ duplicates: 0, invalid: 0, foreign: 0 });
  });

  it.each([
    ['the shared request queue', false],
    ["each process's own answer queue", true],
  ])('get the answers to their own questions through %s', async (_where, own) => {
    const { aws } = system();
    const storeDirectory = await system().directory();
    const answerQueues = await Promise.all([1, 2].map(async (n) => (await aws.createQueue(`answers-${n}`)).queueUrl));
    await Promise.all(
      answerQueues.map((url) =>
        system().serverProcess({ storeDirectory, concurrency: 4, ...(own && { answerQueueUrl: url }) }),
      ),
    );
    const client = new Client({ name: 'asked', version: '1.0.0' }, { capabilities: { elicitation: {} } });
    client.setRequestHandler(ElicitRequestSchema, ({ params }) => ({
      action: 'accept',
      content: { pid: params.message.replace('from ', '') },
    }));
    await system().client(undefined, client);

    const answers = await Promise.all(Array.from({ length: 24 }, () => call(client, 'ask')));

    // Both count their requests from 0; neither got the other's answer.
    for (const answer of answers) expect(answer).toMatch(/^(\d+) at \1$/);
    expect(new Set(answers).size).toBe(2);
  });
});
