import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TOOLS } from '../src/tools/catalogue.js';
import { connect } from './support.js';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { ToolEntry } from '../src/tools/catalogue.js';

let client: Client;

beforeEach(async () => {
  client = await connect();
});

afterEach(() => client.close());

async function read(uri: string): Promise<string> {
  const { contents } = await client.readResource({ uri });
  expect(contents).toEqual([{ uri, mimeType: 'text/markdown', text: expect.any(String) }]);
  const [content] = contents;
  return content !== undefined && 'text' in content ? content.text : '';
}

describe('resources', () => {
  it('say what the server is, and which tools it has', async () => {
    const about = await read('demo://about');
    const { tools } = await client.listTools();
    for (const { name, description = '' } of tools) expect(about).toContain(`- \`${name}\`: ${description}\n`);
    expect(about).not.toContain('announce');
  });

  it('are listed: the server, and each tool', async () => {
    const { tools } = await client.listTools();
    const { resources } = await client.listResources();
    const uris = tools.map(({ name }) => `demo://tools/${name}`);
    expect(resources.map(({ uri }) => uri).toSorted()).toEqual(['demo://about', ...uris.toSorted()]);
    const { resourceTemplates } = await client.listResourceTemplates();
    expect(resourceTemplates).toMatchObject([{ uriTemplate: 'demo://tools/{name}' }]);
  });

  it('have arguments to try each tool with, which are right', async () => {
    const { tools } = await client.listTools();
    for (const { name, inputSchema } of tools) {
      const text = await read(`demo://tools/${name}`);
      const example: unknown = JSON.parse(/```json\n(.*?)```/s.exec(text)?.[1] ?? '');
      const { example: expected }: ToolEntry = TOOLS[name as keyof typeof TOOLS];
      expect(example).toEqual(expected);
      const given = Object.keys(expected);
      expect(Object.keys(inputSchema.properties ?? {})).toEqual(expect.arrayContaining(given));
      expect(given).toEqual(expect.arrayContaining(inputSchema.required ?? []));
    }
  });

  it('complete the names of tools', async () => {
    const ref = { type: 'ref/resource', uri: 'demo://tools/{name}' } as const;
    const { completion } = await client.complete({ ref, argument: { name: 'name', value: 'g' } });
    expect(completion.values).toEqual(['greet']);
  });

  it.each(['demo://tools/announce', 'demo://tools/constructor', 'demo://tools/', 'demo://nothing'])(
    'have nothing at %s',
    async (uri) => {
      await expect(client.readResource({ uri })).rejects.toThrow(/There is no tool|not found/);
    },
  );

  it('tell of announce where there is one', async () => {
    await client.close();
    client = await connect({ broadcast: async () => {} });
    expect(await read('demo://about')).toContain('- `announce`: ');
    expect(await read('demo://tools/announce')).toContain('"text": "Lunch!"');
  });
});

describe('prompt', () => {
  it('asks to fetch a page and to summarize it', async () => {
    const { prompts } = await client.listPrompts();
    const url = { name: 'url', required: true, description: expect.any(String) };
    expect(prompts).toMatchObject([{ name: 'summarize', arguments: [url] }]);
    const { messages } = await client.getPrompt({ name: 'summarize', arguments: { url: 'https://example.com/' } });
    const text = expect.stringMatching(/^Get https:\/\/example\.com\/ with the tool fetch/);
    expect(messages).toEqual([{ role: 'user', content: { type: 'text', text } }]);
  });

  it('completes URLs', async () => {
    const ref = { type: 'ref/prompt', name: 'summarize' } as const;
    const complete = (value: string) => client.complete({ ref, argument: { name: 'url', value } });
    expect((await complete('https://ex')).completion.values).toEqual(['https://example.com/']);
    expect((await complete('ftp:')).completion.values).toEqual([]);
  });
});
