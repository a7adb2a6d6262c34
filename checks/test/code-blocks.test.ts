import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import ts from 'typescript';
import { codeBlocks, typescriptOf } from '../src/code-blocks.js';
import { ROOT, publishedPackages } from '../src/repository.js';
import { run } from '../src/run.js';
import { typeCheck } from '../src/type-check.js';
import type { Module } from '../src/type-check.js';

const documents = [
  'README.md',
  'CONTRIBUTING.md',
  'docker/README.md',
  ...[...publishedPackages().values()].map((directory) => relative(ROOT, join(directory, 'README.md'))),
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
].filter((name) => existsSync(join(ROOT, name)));

function modulesOf(name: string): Module[] {
  return codeBlocks(readFileSync(join(ROOT, name), 'utf8'))
    .filter((block) => typescriptOf(block)?.unchecked === undefined && typescriptOf(block) !== undefined)
    .map(({ line, code }) => ({ name, line, code }));
}

describe('code blocks of the documentation', () => {
  const modules = documents.flatMap((name) => modulesOf(name));

  test('are found', () => {
    for (const directory of publishedPackages().values()) {
      const name = relative(ROOT, join(directory, 'README.md'));
      expect(modules.filter((module) => module.name === name)).not.toEqual([]);
    }
  });

  test('compile, each by itself', () => {
    expect(typeCheck(modules)).toEqual([]);
  });

  test('of core: the transport in it runs, and ends by itself', async () => {
    const code = modules.find(
      ({ name, code }) => name === 'packages/core/README.md' && code.includes('ClientWire'),
    )?.code;
    const { outputText } = ts.transpileModule(code ?? '', {
      compilerOptions: { module: ts.ModuleKind.ES2022, target: ts.ScriptTarget.ES2022 },
    });
    const args = ['--input-type=module', '--eval', outputText];
    const output = await run(process.execPath, args, { cwd: join(ROOT, 'checks'), timeout: 20_000 });
    expect(output.toString()).toContain("text: 'Hello!'");
  }, 30_000);
});

describe('the check', () => {
  test('names the document and its line', () => {
    const markdown = [
      '# Title',
      '',
      '```ts',
      "import { isAsyncMcpError } from '@asyncmcp/core';",
      'isAsyncMcpError();',
      '```',
    ];
    const [block] = codeBlocks(markdown.join('\n'));
    expect(block).toMatchObject({ line: 4, info: 'ts' });
    expect(typeCheck([{ name: 'docs/x.md', line: block?.line ?? 0, code: block?.code ?? '' }])).toEqual([
      expect.stringMatching(/^docs\/x\.md:5:1 TS2554: Expected/),
    ]);
  });

  test('is strict, knows only what is exported, and takes every block by itself', () => {
    const check = (...codes: string[]): string[] =>
      typeCheck(codes.map((code, index) => ({ name: 'x.md', line: index + 1, code })));
    expect(check('export const first: string = [""][0];')).toEqual([expect.stringContaining('TS2322')]);
    expect(check('export const x: { a?: 1 } = { a: undefined };')).toEqual([expect.stringContaining('TS2375')]);
    expect(check("export * from '@asyncmcp/core/dist/errors.js';")).toEqual([expect.stringContaining('TS2307')]);
    expect(check('const one = 1;', 'console.log(one);')).toEqual([expect.stringContaining('x.md:2:13 TS2304')]);
    expect(check('const one = 1;', 'const one = 2;')).toEqual([]);
  });

  test('skips a block only for a reason', () => {
    const info = (text: string) => typescriptOf({ line: 2, info: text, code: '' });
    expect(info('sh')).toBeUndefined();
    expect(info('typescript')).toEqual({ unchecked: undefined });
    expect(info('ts unchecked: of another package')).toEqual({ unchecked: 'of another package' });
    for (const text of ['ts unchecked', 'ts unchecked:', 'ts ignore']) expect(() => info(text)).toThrow('the reason');
  });

  test('finds blocks in lists, and none in the text of another', () => {
    const markdown = ['- item', '', '  ```ts', '  const a = 1;', '  ```', '', '````md', '```ts', '```', '````'];
    expect(codeBlocks(markdown.join('\n'))).toEqual([
      { line: 4, info: 'ts', code: 'const a = 1;' },
      { line: 8, info: 'md', code: '```ts\n```' },
    ]);
    expect(() => codeBlocks('```ts\n')).toThrow('line 1');
  });
});
