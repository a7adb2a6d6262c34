import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { createDemoMcpServer } from '../src/demo-mcp-server.js';
import type { SessionInfo } from '@asyncmcp/core';

const session: SessionInfo = {
  id: '8f14e45f-ceea-467f-a0e6-b1d9a4d1c1a5',
  replyTo: 'nowhere',
  initializeParams: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1.0.0' } },
  initialized: true,
  createdAt: 0,
  lastSeenAt: 0,
  resumed: false,
};

describe('demo server', () => {
  const lines: string[] = [];
  let client: Client;

  beforeEach(async () => {
    lines.length = 0;
    client = new Client({ name: 'test', version: '1.0.0' });
    const [near, far] = InMemoryTransport.createLinkedPair();
    await createDemoMcpServer(session, { log: (line) => void lines.push(line) }).connect(far);
    await client.connect(near);
  });

  afterEach(() => client.close());

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
    while (!lines.some((line) => line.startsWith('wait #1 cancelled after '))) await setImmediate();
    const { structuredContent } = await client.callTool({ name: 'server_info' });
    const counts = { completed: 0, failed: 0, cancelled: 1 };
    expect(structuredContent).toEqual({ pid: process.pid, sessionId: session.id, resumed: false, ...counts });
  });

  it('announces to everybody where the transport can broadcast, and has no such tool elsewhere', async () => {
    expect((await client.listTools()).tools.map(({ name }) => name)).not.toContain('announce');
    const broadcasts: unknown[] = [];
    const other = new Client({ name: 'test', version: '1.0.0' });
    const [near, far] = InMemoryTransport.createLinkedPair();
    await createDemoMcpServer(session, { broadcast: async (news) => void broadcasts.push(news) }).connect(far);
    await other.connect(near);
    await other.callTool({ name: 'announce', arguments: { text: 'Lunch!' } });
    const params = { level: 'info', logger: 'announce', data: 'Lunch!' };
    expect(broadcasts).toEqual([{ method: 'notifications/message', params }]);
    await other.close();
  });

  it('tells which of its tools are slow', () => {
    const slow: unknown[] = [];
    createDemoMcpServer(session, { markSlow: ({ description }) => slow.push(description?.split(',')[0]) });
    expect(slow).toEqual(['Counts words', 'Waits']);
  });

  it('says how each call begins and ends', async () => {
    await client.callTool({ name: 'divide', arguments: { dividend: 1, divisor: 0 } });
    expect(lines).toEqual([
      'divide #1 started',
      expect.stringMatching(/^divide #1 failed after \d+ ms: Cannot divide 1 by zero\.$/),
    ]);
  });
});
