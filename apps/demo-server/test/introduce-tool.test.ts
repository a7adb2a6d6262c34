import { afterEach, describe, expect, it } from '@jest/globals';
import { createDeferred, rejectionOf, until } from '@asyncmcp/testkit';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { connect, createClient } from './support.js';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { ElicitResult } from '@modelcontextprotocol/sdk/types.js';

describe('introduce', () => {
  const lines: string[] = [];
  let client: Client;

  afterEach(async () => {
    lines.length = 0;
    await client.close();
  });

  async function introduced(
    answer: (schema: unknown, signal: AbortSignal) => Promise<ElicitResult> | ElicitResult,
  ): ReturnType<Client['callTool']> {
    const asking = createClient({ elicitation: {} });
    asking.setRequestHandler(ElicitRequestSchema, ({ params }, extra) =>
      answer('requestedSchema' in params ? params.requestedSchema : undefined, extra.signal),
    );
    client = await connect({ log: (line) => void lines.push(line) }, asking);
    return client.callTool({ name: 'introduce' });
  }

  it('asks for a name, and greets whoever has it', async () => {
    const result = await introduced((schema) => {
      expect(schema).toMatchObject({ properties: { name: { type: 'string' } }, required: ['name'] });
      return { action: 'accept', content: { name: 'Ada' } };
    });
    expect(result).toEqual({ content: [{ type: 'text', text: 'Nice to meet you, Ada!' }] });
  });

  it.each([
    ['decline', 'You would rather not say'],
    ['cancel', 'You have put the question away'],
  ] as const)('takes %s for an answer', async (action, beginning) => {
    const { isError, content } = await introduced(() => ({ action }));
    expect(isError).toBeUndefined();
    expect(content).toMatchObject([{ text: expect.stringContaining(beginning) }]);
  });

  it('does not take what was not asked for', async () => {
    expect(await introduced(() => ({ action: 'accept', content: { name: 7 } }))).toMatchObject({ isError: true });
    expect(await introduced(() => ({ action: 'accept' }))).toMatchObject({ content: [{ text: expect.any(String) }] });
  });

  it('says so when the client cannot be asked', async () => {
    client = await connect();
    expect(await client.callTool({ name: 'introduce' })).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining('This client cannot be asked') }],
    });
  });

  it('takes the question back when the call is cancelled', async () => {
    const giveUp = new AbortController();
    const [asked, takenBack] = [createDeferred(), createDeferred()];
    let questions = 0;
    const answer = async (_schema: unknown, signal: AbortSignal): Promise<ElicitResult> => {
      // The first question has the id 0, which this SDK does not cancel (typescript-sdk#2283).
      if (questions++ === 0) return { action: 'decline' };
      signal.addEventListener('abort', () => takenBack.resolve());
      asked.resolve();
      await takenBack.promise;
      return { action: 'cancel' };
    };
    await introduced(answer);
    const call = rejectionOf(client.callTool({ name: 'introduce' }, undefined, { signal: giveUp.signal }));
    await asked.promise;
    giveUp.abort('enough');
    expect(String(await call)).toContain('enough');
    await takenBack.promise;
    await until(() => lines.some((line) => /^introduce #\d+ cancelled after /.test(line)));
  });
});
