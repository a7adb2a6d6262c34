import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { until } from '@asyncmcp/testkit';
import { createDemoMcpServer } from '../src/demo-mcp-server.js';
import { SLOW_TOOLS, TOOLS } from '../src/tools/catalogue.js';
import { connect, session } from './support.js';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';

describe('demo server', () => {
  const lines: string[] = [];
  let client: Client;

  beforeEach(async () => {
    lines.length = 0;
    client = await connect({ log: (line) => void lines.push(line) });
  });

  afterEach(() => client.close());

  it('has the tools that it says it has', async () => {
    const { tools } = await client.listTools();
    const { announce: _announce, ...others } = TOOLS;
    const described = Object.fromEntries(tools.map(({ name, description }) => [name, description]));
    expect(described).toEqual(
      Object.fromEntries(Object.entries(others).map(([name, tool]) => [name, tool.description])),
    );
    for (const { name, inputSchema } of tools) expect([name, inputSchema.type]).toEqual([name, 'object']);
  });

  it('greets', async () => {
    const { content } = await client.callTool({ name: 'greet', arguments: { name: 'Grace' } });
    expect(content).toEqual([{ type: 'text', text: 'Hello, Grace!' }]);
  });

  it('reports each sentence it has counted', async () => {
    const seen: unknown[] = [];
    const call = { name: 'count_words', arguments: { text: 'One two. Three! Four, five?' } };
    const { content } = await client.callTool(call, undefined, { onprogress: (report) => void seen.push(report) });
    expect(content).toEqual([{ type: 'text', text: '5 words in 3 sentences' }]);
    expect(seen).toEqual([1, 2, 3].map((progress) => ({ progress, total: 3 })));
  });

  it('divides, or says why it cannot', async () => {
    const divide = (divisor: number) => client.callTool({ name: 'divide', arguments: { dividend: 6, divisor } });
    expect((await divide(4)).content).toEqual([{ type: 'text', text: '1.5' }]);
    expect(await divide(0)).toMatchObject({ isError: true, content: [{ text: 'Cannot divide 6 by zero.' }] });
  });

  it('stops waiting when the call is cancelled, and counts what became of the calls', async () => {
    const giveUp = new AbortController();
    const options = { signal: giveUp.signal, onprogress: () => giveUp.abort('enough') };
    const call = { name: 'wait', arguments: { seconds: 60 } };
    await expect(client.callTool(call, undefined, options)).rejects.toThrow('enough');
    await until(() => lines.some((line) => line.startsWith('wait #1 cancelled after ')));
    const { structuredContent } = await client.callTool({ name: 'server_info' });
    const counts = { completed: 0, failed: 0, cancelled: 1 };
    const served = { pid: process.pid, sessionId: session.id, resumed: false, replies: 'to nowhere' };
    expect(structuredContent).toEqual({ ...served, ...counts });
  });

  it('says over what it is served, and how replies travel', async () => {
    const other = await connect({ transport: 'webhook', replies: 'by webhook to https://example.com/' });
    const { structuredContent } = await other.callTool({ name: 'server_info' });
    expect(structuredContent).toMatchObject({ transport: 'webhook', replies: 'by webhook to https://example.com/' });
    await other.close();
  });

  it('announces to everybody where the transport can broadcast, and has no such tool elsewhere', async () => {
    expect((await client.listTools()).tools.map(({ name }) => name)).not.toContain('announce');
    const broadcasts: unknown[] = [];
    const other = await connect({ broadcast: async (news) => void broadcasts.push(news) });
    await other.callTool({ name: 'announce', arguments: { text: 'Lunch!' } });
    const params = { level: 'info', logger: 'announce', data: 'Lunch!' };
    expect(broadcasts).toEqual([{ method: 'notifications/message', params }]);
    await other.close();
  });

  it('tells which of its tools are slow', () => {
    const slow: unknown[] = [];
    createDemoMcpServer(session, { markSlow: ({ description }) => slow.push(description) });
    expect(slow).toEqual(SLOW_TOOLS.map((name) => TOOLS[name].description));
  });

  it('says how each call begins and ends', async () => {
    await client.callTool({ name: 'divide', arguments: { dividend: 1, divisor: 0 } });
    expect(lines).toEqual([
      'divide #1 started',
      expect.stringMatching(/^divide #1 failed after \d+ ms: Cannot divide 1 by zero\.$/),
    ]);
  });
});
