import { describe, expect, it } from '@jest/globals';
import { promptLines, resourceLines, toolLines } from '../../src/shell/catalogue-view.js';
import { widthOf } from '../../src/shell/layout.js';
import { outcomeLines, promptResultLines, resourceContentLines, resultLines } from '../../src/shell/result-view.js';
import { createStyle } from '../../src/style.js';
import type { Tool } from '@modelcontextprotocol/sdk/types.js';
import type { Outcome } from '../../src/shell/pending-calls.js';

const plain = createStyle(false);

describe('catalogue', () => {
  const tools: Tool[] = [
    {
      name: 'analyze',
      description: 'Counts the words, links and headings of a web page, slowly; reports each section of it.',
      inputSchema: {
        type: 'object',
        properties: {
          url: { type: 'string', description: 'An absolute http or https URL, of a page that the server can get.' },
          order: { enum: ['newest', 'oldest', 'the best', 'the worst'], default: 'newest' },
        },
        required: ['url'],
      },
      _meta: { 'asyncmcp/delivery': 'webhook' },
    },
    { name: 'evil\u001b[2J', inputSchema: { type: 'object' } },
  ];

  it('says what tools do and take, and which answer by webhook', () => {
    expect(toolLines(tools, plain, 80)).toEqual([
      'analyze ⇠ answers by webhook',
      '  Counts the words, links and headings of a web page, slowly; reports each',
      '  section of it.',
      '    url=<text>                      An absolute http or https URL, of a page',
      '                                    that the server can get.',
      '    [order=<newest|oldest|the best|the worst>]',
      '      Default: newest.',
      'evil',
    ]);
    const colored = toolLines(tools, createStyle(true), 80);
    expect(colored.filter((line) => widthOf(line) > 80)).toEqual([]);
  });

  it('says what there is to be read, and which prompts', () => {
    const resources = [
      { uri: 'demo://about', name: 'about', description: 'What it is.', mimeType: 'text/markdown' },
      { uri: 'demo://x', name: 'x' },
    ];
    expect(resourceLines(resources, plain, 80)).toEqual([
      'demo://about  What it is. (text/markdown)',
      'demo://x      x',
    ]);
    const prompts = [{ name: 'summarize', arguments: [{ name: 'url', required: true }, { name: 'words' }] }];
    expect(promptLines(prompts, plain, 80)).toEqual(['summarize', '    url=<text>', '    [words=<text>]']);
  });

  it('says so when there is nothing', () => {
    expect(toolLines([], plain, 80)).toEqual(['This server has no tools.']);
    expect(resourceLines([], plain, 80)).toEqual(['This server has no resources.']);
    expect(promptLines([], plain, 80)).toEqual(['This server has no prompts.']);
  });
});

describe('result', () => {
  const call = { number: 3, tool: 'greet', startedAt: performance.now(), progress: undefined };
  const text = (...texts: string[]): { type: 'text'; text: string }[] =>
    texts.map((each) => ({ type: 'text', text: each }));
  const lines = (outcome: Outcome): string[] =>
    outcomeLines(call, outcome, plain, 80).map((line) => line.replace(/\d+ ms/, 'a while'));

  it('is one line where it fits', () => {
    expect(lines({ result: { content: text('Hello, Ada!') } })).toEqual(['✓ #3 greet after a while: Hello, Ada!']);
    expect(lines({ result: { content: text('one\ntwo') } })).toEqual(['✓ #3 greet after a while', '  one', '  two']);
  });

  it('is one line when it failed', () => {
    const content = text('It cannot be divided\n by zero.');
    expect(lines({ result: { content, isError: true } })).toEqual([
      '✗ #3 greet failed after a while: It cannot be divided by zero.',
    ]);
    expect(lines({ error: new Error('gone\nfor good') })).toEqual(['✗ #3 greet failed after a while: gone for good']);
    expect(lines({ givenUp: 'cancelled', wanted: true })).toEqual(['✗ #3 greet given up after a while: cancelled']);
  });

  it('shows what is structured once', () => {
    const structuredContent = { pid: 7, replies: 'by webhook' };
    const fields = ['pid      7', 'replies  by webhook'];
    expect(resultLines({ content: text(JSON.stringify(structuredContent)), structuredContent }, 78)).toEqual(fields);
    expect(resultLines({ content: text('7'), structuredContent }, 78)).toEqual(['7', ...fields]);
    const page = { status: 200, text: 'So it is.\n' };
    expect(resultLines({ content: text('So it is.\n'), structuredContent: page }, 78)).toEqual([
      'So it is.',
      'status  200',
    ]);
  });

  it('shows what else there may be', () => {
    const content = [
      { type: 'image' as const, data: 'AAAA', mimeType: 'image/png' },
      { type: 'resource_link' as const, uri: 'demo://about', name: 'about' },
      { type: 'resource' as const, resource: { uri: 'demo://x', text: 'x\u001b[2J' } },
    ];
    expect(resultLines({ content }, 78)).toEqual(['(image/png, 3 bytes)', '(demo://about)', 'x']);
    expect(resourceContentLines({ contents: [{ uri: 'demo://x', blob: 'AAAA', mimeType: 'image/png' }] }, 78)).toEqual([
      '(image/png, 3 bytes)',
    ]);
    const messages = [{ role: 'user' as const, content: { type: 'text' as const, text: 'Summarize it.' } }];
    expect(promptResultLines({ messages }, 78)).toEqual(['user: Summarize it.']);
  });
});
