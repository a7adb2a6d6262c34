import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createDeferred, rejectionOf, until } from '@asyncmcp/testkit';
import { answerWith, connect, startPages } from './support.js';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import type { Pages } from './support.js';

describe('fetch', () => {
  const lines: string[] = [];
  let pages: Pages;
  let client: Client;

  beforeEach(async () => {
    lines.length = 0;
    pages = await startPages();
    client = await connect({ safeFetch: pages.safeFetch, log: (line) => void lines.push(line) });
    // Whoever has listed the tools has results checked by their schemas.
    await client.listTools();
  });

  afterEach(async () => {
    await client.close();
    await pages.close();
  });

  async function call(args: Record<string, unknown>): Promise<CallToolResult> {
    return (await client.callTool({ name: 'fetch', arguments: args })) as CallToolResult;
  }

  it('answers the text, and what is known of it', async () => {
    pages.answer = answerWith('<p>Hello.</p>');
    const url = `${pages.origin}/`;
    expect(await call({ url })).toEqual({
      content: [{ type: 'text', text: '<p>Hello.</p>' }],
      structuredContent: { url, status: 200, contentType: 'text/html', bytes: 13, text: '<p>Hello.</p>' },
    });
  });

  it('cuts the text after 2000 characters, or as many as it is told', async () => {
    pages.answer = answerWith('a'.repeat(1999) + '👋👋');
    const result = await call({ url: pages.origin });
    expect(result.structuredContent).toMatchObject({ bytes: 2007, text: 'a'.repeat(1999) });
    expect(result.content[1]).toEqual({ type: 'text', text: '[cut after 2000 of 2003 characters]' });
    const whole = await call({ url: pages.origin, maxCharacters: 2003 });
    expect(whole.content).toEqual([{ type: 'text', text: `${'a'.repeat(1999)}👋👋` }]);
    expect((await call({ url: pages.origin, maxCharacters: 3 })).structuredContent).toMatchObject({ text: 'aaa' });
  });

  it.each([{}, { url: 1 }, { url: 'http://a.b', maxCharacters: 0 }, { url: 'http://a.b', maxCharacters: 1e9 }])(
    'refuses the arguments %j',
    async (args) => {
      expect(await call(args)).toMatchObject({ isError: true });
      expect(lines).toEqual([]);
    },
  );

  it('says why there is nothing', async () => {
    const text = expect.stringContaining('http://10.0.0.1 is refused: its host is not a public one');
    expect(await call({ url: 'http://10.0.0.1' })).toMatchObject({ isError: true, content: [{ text }] });
  });

  it('fetches nothing private unless it may', async () => {
    const strict = await connect();
    const result = await strict.callTool({ name: 'fetch', arguments: { url: pages.origin } });
    expect(result).toMatchObject({ isError: true });
    expect(pages.asked).toEqual([]);
    await strict.close();
  });

  it('lets go of the page when the call is cancelled', async () => {
    const [asked, closed] = [createDeferred(), createDeferred()];
    pages.answer = (_request, response) => {
      response.on('close', closed.resolve);
      response.writeHead(200, { 'content-type': 'text/html' }).write('<p>');
      asked.resolve();
    };
    const giveUp = new AbortController();
    const request = { name: 'fetch', arguments: { url: pages.origin } };
    const fetched = rejectionOf(client.callTool(request, undefined, { signal: giveUp.signal }));
    await asked.promise;
    giveUp.abort('enough');
    expect(String(await fetched)).toContain('enough');
    await closed.promise;
    await until(() => lines.some((line) => /^fetch #\d+ cancelled after /.test(line)));
  });
});
