import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { rejectionOf, until } from '@asyncmcp/testkit';
import { answerWith, connect, startPages } from './support.js';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { RequestOptions } from '@modelcontextprotocol/sdk/shared/protocol.js';
import type { CallToolResult, Progress } from '@modelcontextprotocol/sdk/types.js';
import type { Pages } from './support.js';

const PAGE = `<!doctype html><title>Ponds</title>
<p>All about <a href="/ponds">ponds</a>.</p>
<h1>Frogs</h1><p>They <a href="/jump">jump</a>.</p>
<h2>Newts &amp; others, of which there are so many that it is hard to say</h2><p>They do not.</p>`;

describe('analyze', () => {
  const lines: string[] = [];
  let pages: Pages;
  let client: Client;

  beforeEach(async () => {
    lines.length = 0;
    pages = await startPages();
    pages.answer = answerWith(PAGE);
    client = await connect({ safeFetch: pages.safeFetch, log: (line) => void lines.push(line) });
    await client.listTools();
  });

  afterEach(async () => {
    await client.close();
    await pages.close();
  });

  async function analyze(url: string, options: RequestOptions = {}): Promise<CallToolResult> {
    return (await client.callTool({ name: 'analyze', arguments: { url } }, undefined, options)) as CallToolResult;
  }

  it('counts, and reports each section', async () => {
    const seen: Progress[] = [];
    const url = `${pages.origin}/`;
    const result = await analyze(url, { onprogress: (report) => void seen.push(report) });
    expect(result.structuredContent).toEqual({
      url,
      title: 'Ponds',
      words: 23,
      links: 2,
      headings: 2,
      bytes: PAGE.length,
    });
    const text = `Ponds: 23 words, 2 links, 2 headings in ${PAGE.length} bytes`;
    expect(result.content).toEqual([{ type: 'text', text }]);
    expect(seen).toEqual([
      { progress: 1, total: 4, message: `got ${PAGE.length} bytes` },
      { progress: 2, total: 4, message: 'counted the beginning' },
      { progress: 3, total: 4, message: 'counted "Frogs"' },
      { progress: 4, total: 4, message: 'counted "Newts & others, of which there are so ma…"' },
    ]);
  });

  it('takes no more than twenty steps for many sections', async () => {
    pages.answer = answerWith('<h2>Section</h2>'.repeat(50));
    const seen: Progress[] = [];
    const { structuredContent } = await analyze(pages.origin, { onprogress: (report) => void seen.push(report) });
    expect(structuredContent).toMatchObject({ headings: 50, words: 50 });
    expect(seen.map(({ progress }) => progress)).toEqual(Array.from({ length: 18 }, (_, index) => index + 1));
    expect(seen.at(1)).toEqual({ progress: 2, total: 18, message: 'counted "Section" and 2 more' });
  });

  it('counts the words of other text', async () => {
    pages.answer = answerWith('<p> is - how paragraphs begin.', { 'content-type': 'text/plain' });
    const { structuredContent, content } = await analyze(pages.origin);
    expect(structuredContent).toMatchObject({ title: '', words: 5, links: 0, headings: 0, bytes: 30 });
    expect(content).toMatchObject([{ text: `${pages.origin}/: 5 words, 0 links, 0 headings in 30 bytes` }]);
  });

  it('does not make several of what is one', async () => {
    pages.answer = answerWith('<title>Pond</title><h1><a href="/">Frog</a></h1>');
    const { content } = await analyze(pages.origin);
    expect(content).toMatchObject([{ text: 'Pond: 1 word, 1 link, 1 heading in 48 bytes' }]);
  });

  it('analyzes an empty page', async () => {
    pages.answer = answerWith('');
    expect((await analyze(pages.origin)).structuredContent).toMatchObject({ title: '', words: 0, bytes: 0 });
  });

  it('does not take an error for a page', async () => {
    pages.answer = (_request, response) => void response.writeHead(503, { 'content-type': 'text/html' }).end(PAGE);
    const text = `There is no page to analyze: ${pages.origin}/ answered 503.`;
    expect(await analyze(pages.origin)).toMatchObject({ isError: true, content: [{ text }] });
  });

  it('fetches as carefully as fetch', async () => {
    const text = expect.stringContaining('is refused');
    expect(await analyze('http://169.254.169.254/')).toMatchObject({ isError: true, content: [{ text }] });
    pages.answer = answerWith(PAGE, { 'content-type': 'image/png' });
    expect(await analyze(pages.origin)).toMatchObject({
      isError: true,
      content: [{ text: expect.stringMatching(/text/) }],
    });
  });

  it('stops counting when the call is cancelled', async () => {
    pages.answer = answerWith('<h2>Section</h2>'.repeat(20));
    const giveUp = new AbortController();
    const onprogress = ({ progress }: Progress): void => {
      if (progress === 2) giveUp.abort('enough');
    };
    expect(String(await rejectionOf(analyze(pages.origin, { signal: giveUp.signal, onprogress })))).toContain('enough');
    await until(() => lines.some((line) => /^analyze #\d+ cancelled after /.test(line)));
  });
});
